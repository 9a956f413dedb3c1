# What the package exports: read by type checkers, and at run time.
from lofe_sklearn._reasons import Explanation as Explanation
from lofe_sklearn._reasons import Reason as Reason
from lofe_sklearn.inspection._drift import drift_report as drift_report
from lofe_sklearn.inspection._drift_report import DriftReport as DriftReport
from lofe_sklearn.inspection._explain import explain as explain
