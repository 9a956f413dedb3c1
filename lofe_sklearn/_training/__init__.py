"""From validated rows to trained modules: what backbones, `LOE` and `fit_many` share.

A detector says what it wants trained as a `Plan` of tasks, one for each model. Tasks of equal
shapes are trained in one stack over one copy of the rows. It knows nothing of the detectors but the
Protocols `Trainable` and `Plannable`.
"""

from lofe_sklearn._training._fit import draw_seeds, fit, fit_together
from lofe_sklearn._training._forward import embeddings_of, locating, losses_of, losses_of_stack
from lofe_sklearn._training._going_on import goes_on
from lofe_sklearn._training._in_parts import InPartsMixin
from lofe_sklearn._training._outliers import exposure_to
from lofe_sklearn._training._plain_numbers import plain
from lofe_sklearn._training._plannable import Memo, Plannable
from lofe_sklearn._training._scaling import (
    FEW_BITS,
    SCALINGS,
    differ,
    fit_scaling,
    in_units,
    keeps_few_bits,
    one_feature_dominates,
    range_of,
    resolve_scaling,
    shift_within,
    units_within,
)
from lofe_sklearn._training._seen_rows import SeenRows
from lofe_sklearn._training._sketching import SKETCHED, n_inputs_of
from lofe_sklearn._training._spread_rows import PreparedSpreadRows, SpreadRows
from lofe_sklearn._training._stacking import scored_together
from lofe_sklearn._training._task import Fold, Outcome, Plan, Task, Trainable, Trained
from lofe_sklearn._training._train import train_spread_tasks, train_tasks

__all__ = [
    "FEW_BITS",
    "SCALINGS",
    "SKETCHED",
    "Fold",
    "InPartsMixin",
    "Memo",
    "Outcome",
    "Plan",
    "Plannable",
    "PreparedSpreadRows",
    "SeenRows",
    "SpreadRows",
    "Task",
    "Trainable",
    "Trained",
    "differ",
    "draw_seeds",
    "embeddings_of",
    "exposure_to",
    "fit",
    "fit_scaling",
    "fit_together",
    "goes_on",
    "in_units",
    "keeps_few_bits",
    "locating",
    "losses_of",
    "losses_of_stack",
    "n_inputs_of",
    "one_feature_dominates",
    "plain",
    "range_of",
    "resolve_scaling",
    "scored_together",
    "shift_within",
    "train_spread_tasks",
    "train_tasks",
    "units_within",
]
