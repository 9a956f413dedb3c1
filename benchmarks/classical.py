"""Detectors of scikit-learn as its users take them, to compare with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.covariance import EllipticEnvelope
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import OneClassSVM


class KNN:
    """Distance to the fifth nearest training row, features standardised."""

    def fit(self, X: np.ndarray) -> KNN:
        """Index the training rows."""
        self._scaler = StandardScaler().fit(X)
        rows = self._scaler.transform(X)
        self._index = NearestNeighbors(n_neighbors=min(5, len(X) - 1)).fit(rows)
        return self

    def score_samples(self, X: np.ndarray) -> np.ndarray:
        """Minus the distance to the fifth neighbour: PyOD's default, the largest of five."""
        return -self._index.kneighbors(self._scaler.transform(X))[0].max(axis=1)


# A seed -> the detector with its defaults.
CLASSICAL: dict[str, Callable[[int], Any]] = {
    "IsolationForest": lambda seed: IsolationForest(random_state=seed),
    "EllipticEnvelope": lambda seed: EllipticEnvelope(random_state=seed),
    "KNN": lambda seed: KNN(),
    "LOF": lambda seed: make_pipeline(StandardScaler(), LocalOutlierFactor(novelty=True)),
    "OneClassSVM": lambda seed: make_pipeline(StandardScaler(), OneClassSVM()),
}
