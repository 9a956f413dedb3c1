"""Real data sets, contamination, and the protocols of the papers."""

from lofe_sklearn.datasets._bundled import load_arrhythmia, load_thyroid
from lofe_sklearn.datasets._contaminate import contaminate
from lofe_sklearn.datasets._protocols import (
    adbench_split,
    adbench_unsupervised,
    bootstrap_unsupervised,
    image_one_vs_rest,
    loe_tabular_split,
    one_class_split,
)

__all__ = [
    "adbench_split",
    "adbench_unsupervised",
    "bootstrap_unsupervised",
    "contaminate",
    "image_one_vs_rest",
    "load_arrhythmia",
    "load_thyroid",
    "loe_tabular_split",
    "one_class_split",
]
