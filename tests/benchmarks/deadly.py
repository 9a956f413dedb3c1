"""A detector that takes its process along, as one does that finds no memory."""

import os
import signal

from sklearn.base import BaseEstimator, OutlierMixin


class Deadly(OutlierMixin, BaseEstimator):
    def fit(self, X, y=None):
        os.kill(os.getpid(), signal.SIGKILL)

    def decision_function(self, X):
        return X[:, 0]
