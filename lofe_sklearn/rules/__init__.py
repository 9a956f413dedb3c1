"""Label rules with parameters, for ``LOE(method=...)``.

`Margin` leaves out the rows near the cut, for a ratio that may be wrong. `AAR` and `ALTBI` leave
out rows whose normal loss is large, `ODIM` stops blind training in time; these three need no ratio.
`PURisk` is for known anomalies without known normal rows. Only `Margin` trains rows of unknown
label with the anomaly loss.
Derive your own rule from `LabelRule` if a function is not enough.
"""

from lofe_sklearn.engine import Course, Peak
from lofe_sklearn.rules._aar import AAR
from lofe_sklearn.rules._altbi import ALTBI
from lofe_sklearn.rules._label_rule import LabelRule
from lofe_sklearn.rules._margin import Margin
from lofe_sklearn.rules._odim import ODIM
from lofe_sklearn.rules._pu_risk import PURisk

__all__ = ["AAR", "ALTBI", "ODIM", "Course", "LabelRule", "Margin", "PURisk", "Peak"]
