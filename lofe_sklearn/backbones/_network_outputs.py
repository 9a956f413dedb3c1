"""What a fitted backbone says of rows: scores and embeddings of its network."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import nn

from lofe_sklearn._containers import Matrix
from lofe_sklearn._training import embeddings_of, locating, losses_of
from lofe_sklearn._types import Floats, MatrixLike


class NetworkOutputsMixin:
    """The methods that put rows through the network."""

    _of_each_row: Any
    _scaling: Any
    device: Any
    module_: nn.Module

    def score_samples(self, X: MatrixLike) -> Floats:
        """Score of each row: minus the normal loss, so the higher, the more normal.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to score.

        Returns
        -------
        scores : ndarray of float64, shape (n_samples,)
            ``-L_n(x)``; it does not depend on the other rows of X.

        Raises
        ------
        NotFittedError
            If `fit` has not been called.
        ValueError, TypeError
            If X cannot be used.
        """
        return self._of_each_row(X, self._scores_of)

    def embed(self, X: MatrixLike) -> Floats:
        """Embed rows by the trained network.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to embed.

        Returns
        -------
        embeddings : ndarray of float64, shape (n_samples, n_outputs)
            The network's representation of each row: similar rows are close. If the module of a
            backbone has no method ``embed``, the scaled rows.

        Raises
        ------
        NotFittedError
            If `fit` has not been called.
        ValueError, TypeError
            If X cannot be used.
        """
        return self._of_each_row(X, self._embed)

    def _scores_of(self, X: Matrix) -> Floats:
        return -self._losses(X)[0]

    def _losses(self, X: Matrix) -> tuple[np.ndarray, np.ndarray]:
        """Both losses of validated rows."""
        with locating(names=getattr(self, "feature_names_in_", None)):
            return losses_of(self.module_, X, self._scaling, self.device)

    def _embed(self, X: Matrix) -> np.ndarray:
        """Embeddings of validated rows."""
        with locating(names=getattr(self, "feature_names_in_", None)):
            return embeddings_of(self.module_, X, self._scaling, self.device)
