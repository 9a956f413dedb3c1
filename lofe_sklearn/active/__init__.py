"""Ask an expert about a few rows, and train with the answers.

One round::

    asked = query(detector, X, 20)  # which rows are worth asking about
    known[asked] = ...  # +1 normal, -1 anomaly, by somebody who looks
    detector = refit(detector, X, known)  # trains with the answers, and the ratio they tell

A query takes what is known already into account, so that rounds can follow each other.
"""

from lofe_sklearn.active._estimate import estimate_contamination
from lofe_sklearn.active._query import STRATEGIES, query
from lofe_sklearn.active._refit import refit

__all__ = ["STRATEGIES", "estimate_contamination", "query", "refit"]
