"""Real data sets, contamination, and the protocols of the papers."""

from lofe_sklearn.datasets._bundled import load_arrhythmia, load_thyroid
from lofe_sklearn.datasets._contaminate import contaminate
from lofe_sklearn.datasets._protocols import loe_tabular_split

__all__ = ["contaminate", "load_arrhythmia", "load_thyroid", "loe_tabular_split"]
