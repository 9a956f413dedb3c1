# What the package exports: read by type checkers, and at run time.
from lofe_sklearn.plotting._contamination_display import (
    ContaminationDisplay as ContaminationDisplay,
)
from lofe_sklearn.plotting._drift_display import DriftDisplay as DriftDisplay
from lofe_sklearn.plotting._reasons_display import ReasonsDisplay as ReasonsDisplay
from lofe_sklearn.plotting._reliability_display import ReliabilityDisplay as ReliabilityDisplay
from lofe_sklearn.plotting._scores_display import ScoresDisplay as ScoresDisplay
from lofe_sklearn.plotting._search_display import SearchDisplay as SearchDisplay
from lofe_sklearn.plotting._training_display import TrainingDisplay as TrainingDisplay
