"""Label rules with parameters, for ``LOE(method=...)``.

`AAR` and `ALTBI` leave out rows whose normal loss is large, `ODIM` stops blind training in time.
None of these needs to know the ratio. `PURisk` is for known anomalies without known normal rows. No
rule here trains a row of unknown label with the anomaly loss.
Derive your own rule from `LabelRule` if a function is not enough.
"""

from lofe_sklearn.engine import Course, Peak
from lofe_sklearn.rules._aar import AAR
from lofe_sklearn.rules._altbi import ALTBI
from lofe_sklearn.rules._label_rule import LabelRule
from lofe_sklearn.rules._odim import ODIM
from lofe_sklearn.rules._pu_risk import PURisk

__all__ = ["AAR", "ALTBI", "ODIM", "Course", "LabelRule", "PURisk", "Peak"]
