"""Why a detector finds a row anomalous: typical values, occlusion, and what is returned.

It knows nothing of detectors but that they score rows.
"""

from lofe_sklearn._reasons._explanation import (
    Explanation,
    Reason,
    explanation_of,
    shown_name,
    shown_value,
)
from lofe_sklearn._reasons._groups import read_groups
from lofe_sklearn._reasons._method import ExplainMixin
from lofe_sklearn._reasons._occlusion import Occluded, Table, occlude
from lofe_sklearn._reasons._plain_rows import PlainRows
from lofe_sklearn._reasons._typical import typical_values

__all__ = [
    "ExplainMixin",
    "Explanation",
    "Occluded",
    "PlainRows",
    "Reason",
    "Table",
    "explanation_of",
    "occlude",
    "read_groups",
    "shown_name",
    "shown_value",
    "typical_values",
]
