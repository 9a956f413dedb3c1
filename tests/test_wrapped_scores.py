"""Scores of a detector of any library, in the classes that wrap one: numbers, or an error."""

import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator, OutlierMixin

from lofe_sklearn.adapters.adbench import ADBenchDetector
from lofe_sklearn.features import TemporalSmoothing

X = np.random.default_rng(0).normal(size=(40, 3))


class Returning(OutlierMixin, BaseEstimator):
    """A detector whose scores are what a function makes of numbers."""

    def __init__(self, change=None):
        self.change = change

    def fit(self, X, y=None):
        return self

    def decision_function(self, X):
        return np.ones(len(X))

    def score_samples(self, X):
        return self.change(-np.linalg.norm(X, axis=1))


def by_pyod(detector):
    pytest.importorskip("pyod", reason="PyODDetector needs pyod")
    from lofe_sklearn.adapters.pyod import PyODDetector

    return PyODDetector(detector).fit(X).decision_function(X)


def by_adbench(detector):
    return ADBenchDetector.of(detector)(seed=0).fit(X, np.zeros(40)).predict_score(X)


def by_smoothing(detector):
    return -TemporalSmoothing(detector).fit(X).score_samples(X)


@pytest.mark.parametrize("wrapped", [by_pyod, by_adbench, by_smoothing])
def test_scores_of_a_wrapped_detector(wrapped):
    for change, message in (
        (lambda s: np.ma.masked_less(s, -1), "Returning: scores must hold no masked values"),
        (lambda s: torch.tensor(s, requires_grad=True), "Returning: scores must be readable by"),
        (lambda s: s + 1j, "Returning: scores must hold real numbers"),
        (lambda s: np.full(len(s), "a"), "Returning must give scores that are numbers"),
        (lambda s: None, "Returning must give one score to each row; got None"),
        (lambda s: np.where(s == s[3], np.nan, s), "Returning gave row 3 the score nan"),
    ):
        with pytest.raises(ValueError, match=message):
            wrapped(Returning(change))
    norms = np.linalg.norm(X, axis=1)
    np.testing.assert_array_equal(wrapped(Returning(lambda s: s.tolist())), norms)
