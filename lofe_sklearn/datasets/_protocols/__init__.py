"""Experimental protocols of the papers, as functions with a seed.

Each takes labelled rows and returns ``X_train, X_test, y_train, y_test``, with 1 for anomalies and
0 for normal rows. None of them scales the features.
"""

from lofe_sklearn.datasets._protocols._adbench_paper import adbench_split, adbench_unsupervised
from lofe_sklearn.datasets._protocols._contaminated_track import contaminated_one_class_split
from lofe_sklearn.datasets._protocols._dte_paper import bootstrap_unsupervised, one_class_split
from lofe_sklearn.datasets._protocols._loe_paper import image_one_vs_rest, loe_tabular_split

__all__ = [
    "adbench_split",
    "adbench_unsupervised",
    "bootstrap_unsupervised",
    "contaminated_one_class_split",
    "image_one_vs_rest",
    "loe_tabular_split",
    "one_class_split",
]
