"""Models: making them, reading them from files, and asking them for scores and reasons."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lofe_sklearn import LOE, load
from lofe_sklearn._command_line._exits import BadData, BadModel, UsageMistake
from lofe_sklearn._command_line._notes import plain_words
from lofe_sklearn._command_line._typed_columns import typed
from lofe_sklearn.exceptions import ModelFileError
from lofe_sklearn.inspection import Reason, explain
from lofe_sklearn.tabular import TableFeatures, table_pipeline

if TYPE_CHECKING:
    import pandas as pd


# A contribution below it would be shown as +0.00.
_LEAST = 0.005
AS_GIVEN, WITHIN_GIVEN = "as given", "from the interval as given"
RULED_OUT = "since the known labels rule out the one given"


def new_model(contamination: Any, seed: int, held_out_folds: int | None = None) -> Any:
    """Return the pipeline that `lofe fit` trains: ``table_pipeline(LOE())``."""
    return table_pipeline(
        LOE(contamination=contamination, held_out_folds=held_out_folds, random_state=seed)
    )


def read_contamination_option(text: str) -> Any:
    """Return ``"auto"``, a number, or a pair of numbers.

    Raises
    ------
    UsageMistake
        If it is none of these.
    """
    if text.strip() == "auto":
        return "auto"
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    in_order = numbers == sorted(set(numbers))
    if len(numbers) not in (1, 2) or not in_order or not all(0 < n <= 0.5 for n in numbers):
        raise UsageMistake(
            "--contamination must be auto, a number in (0, 0.5] such as .05, or two in ascending "
            f"order such as .01,.2; got {text!r}"
        )
    return numbers[0] if len(numbers) == 1 else tuple(numbers)


def share_was_given(detector: Any) -> str:
    """Say how far the share of anomalies is the one that was given; "" for auto."""
    if isinstance(detector.contamination, str):
        return ""
    if isinstance(detector.contamination, tuple):
        return WITHIN_GIVEN
    if detector.contamination == share_of_fit(detector):
        return AS_GIVEN
    return RULED_OUT


def share_of_fit(detector: Any) -> float:
    """Return the share of anomalies that the fit found or was given.

    ``contamination_`` is the share of rows below the threshold, which a false alarm rate changes.
    """
    return float(detector._contamination_of_fit)


def read_model(path: Path, device: str) -> Any:
    """Load a pipeline from a file.

    Raises
    ------
    BadModel
        If it is not there, damaged, or no pipeline that takes tables.
    """
    if os.path.isdir(path):
        raise BadModel(f"{path} is a folder; give the file of a model")
    try:
        model = load(path) if device == "auto" else load(path, device=device)
    except ModelFileError as error:
        raise BadModel(plain_words(str(error))) from error
    except FileNotFoundError as error:
        raise BadModel(f"{path}: there is no such model file") from error
    except PermissionError as error:
        raise BadModel(f"{path}: there is no permission to read it") from error
    except OSError as error:
        raise BadModel(f"{path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        if "device" in str(error):
            raise UsageMistake(f"--device: {error}") from error
        raise BadModel(f"{path} cannot be used: {error}") from error
    steps = getattr(model, "steps", None)
    if not steps or not isinstance(steps[0][1], TableFeatures) or not isinstance(model[-1], LOE):
        raise BadModel(
            f"{path} holds {type(model).__name__}, not a pipeline of tables as `lofe fit` and "
            "table_pipeline(LOE()) make it"
        )
    return model


def check_schema(
    needed: list[str], columns: list[str], path: Path, like: str, known: Iterable[str | None] = ()
) -> None:
    """Raise BadData if a file lacks columns.

    Parameters
    ----------
    needed, columns : list of str
        The columns that the file must have, and those that it has.
    path : Path
    like : str
        Says which table has the columns that are needed.
    known : iterable of str or None
        Columns that are not needed, and that the error need not name.
    """
    missing = [name for name in needed if name not in columns]
    if not missing:
        return
    extra = [name for name in columns if name not in {*needed, *known}]
    noun = "column" if len(missing) == 1 else "columns"
    message = f"{path} is not a table of the kind {like}: it lacks the {noun} {_listed(missing)}"
    raise BadData(message + (f" and has others: {_listed(extra)}" if extra else ""))


@dataclass(frozen=True, eq=False)
class Scores:
    """What a model says of rows.

    Attributes
    ----------
    anomaly_score, probability : ndarray of shape (n_rows,)
        High for anomalies.
    flagged : ndarray of bool, shape (n_rows,)
    """

    anomaly_score: np.ndarray
    probability: np.ndarray
    flagged: np.ndarray


def score_rows(model: Any, frame: pd.DataFrame) -> Scores:
    """Score rows by a fitted pipeline."""
    features = model[:-1].transform(frame)
    detector = model[-1]
    scores = detector.score_samples(features)
    # What anomaly_proba returns, without scoring the rows again.
    probability = detector._posterior.proba(scores)
    return Scores(-scores, probability, scores < detector.offset_)


def needed_columns(model: Any) -> list[str]:
    """Return the columns that a model makes features of."""
    return list(model[0].column_kinds_)


def find_reasons(model: Any, frame: pd.DataFrame, most: int) -> list[list[Reason]]:
    """Find the reasons of a few rows that were scored, which has told all warnings of them."""
    if most == 0 or len(frame) == 0:
        return [[] for _ in range(len(frame))]
    features = model[0]
    known = [name for name in features.feature_names_in_ if name in frame.columns]
    # Text that the fit has read in a way of its own stays: in few rows, "1.234" among "12,50" and
    # the version "1.10" among words look like other numbers.
    plain = [
        name
        for name in known
        if features.column_kinds_.get(name) == "number" and not features._reads_quantities(name)
    ]
    rows = frame[known].copy()
    rows[plain] = typed(frame[plain])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = explain(model, rows).top(most)
    return [[reason for reason in own if reason.contribution >= _LEAST] for own in found]


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return ", ".join(map(repr, names[:8])) + more
