"""Real data sets, contamination, and the protocols of the papers."""

from lofe_sklearn.datasets._adbench import fetch_adbench, list_adbench
from lofe_sklearn.datasets._bunch import load_npz
from lofe_sklearn.datasets._bundled import load_arrhythmia, load_thyroid
from lofe_sklearn.datasets._cifar10 import fetch_cifar10
from lofe_sklearn.datasets._contaminate import contaminate
from lofe_sklearn.datasets._fashion_mnist import fetch_fashion_mnist
from lofe_sklearn.datasets._home import clear_data_home, get_data_home
from lofe_sklearn.datasets._make_outliers import make_outliers
from lofe_sklearn.datasets._make_transactions import make_transactions
from lofe_sklearn.datasets._mulcross import make_mulcross
from lofe_sklearn.datasets._odds import fetch_odds, list_odds
from lofe_sklearn.datasets._protocols import (
    adbench_split,
    adbench_unsupervised,
    bootstrap_unsupervised,
    contaminated_one_class_split,
    image_one_vs_rest,
    loe_tabular_split,
    one_class_split,
)

__all__ = [
    "adbench_split",
    "adbench_unsupervised",
    "bootstrap_unsupervised",
    "clear_data_home",
    "contaminate",
    "contaminated_one_class_split",
    "fetch_adbench",
    "fetch_cifar10",
    "fetch_fashion_mnist",
    "fetch_odds",
    "get_data_home",
    "image_one_vs_rest",
    "list_adbench",
    "list_odds",
    "load_arrhythmia",
    "load_npz",
    "load_thyroid",
    "loe_tabular_split",
    "make_mulcross",
    "make_outliers",
    "make_transactions",
    "one_class_split",
]
