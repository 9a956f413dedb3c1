"""The threshold of a model by a false alarm rate, for the options of `fit` and `score`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lofe_sklearn._command_line._exits import BadData, UsageMistake
from lofe_sklearn._command_line._models import check_schema, needed_columns
from lofe_sklearn._command_line._notes import plain_words
from lofe_sklearn._command_line._plain_values import counted
from lofe_sklearn._command_line._table_files import ReadingOptions, TableFile, open_table
from lofe_sklearn._conformal import alarm_threshold

if TYPE_CHECKING:
    import pandas as pd

# Without rows of --calibration, models of so many folds score the rows that they have not seen.
FOLDS = 5


@dataclass(frozen=True)
class AlarmOptions:
    """What --false-alarm-rate and --calibration ask for.

    Parameters
    ----------
    rate : float or None
    calibration : Path or None
    """

    rate: float | None = None
    calibration: Path | None = None

    def checked(self) -> AlarmOptions:
        """Return the options.

        Raises
        ------
        UsageMistake
            If the rate is no share, or rows are given without a rate.
        """
        if self.rate is None and self.calibration is not None:
            raise UsageMistake(
                f"--calibration {self.calibration} sets the threshold by a false alarm rate, and "
                "none was given; add one, such as --false-alarm-rate .01"
            )
        if self.rate is not None and not 0 < self.rate < 1:
            raise UsageMistake(
                "--false-alarm-rate must be a number between 0 and 1, such as .01 for one normal "
                f"row in a hundred; got {self.rate:g}"
            )
        return self

    @property
    def n_folds(self) -> int | None:
        """How many folds a fit needs for the rate; None for none."""
        return FOLDS if self.rate is not None and self.calibration is None else None

    def files(self) -> dict[str, Path]:
        """Return the file that is read, by its option."""
        return {} if self.calibration is None else {"--calibration": self.calibration}

    def check_number(self, n_rows: int, source: Path) -> None:
        """Raise UsageMistake if so many rows cannot tell the rate."""
        if self.rate is None:
            return
        scores = np.zeros(n_rows)
        if alarm_threshold(scores, self.rate, scores, scores) is not None:
            return
        raise UsageMistake(
            f"--false-alarm-rate {self.rate:g} cannot be met with {counted(n_rows, 'row')} of "
            f"{source}: the lowest rate that so many can tell is 1 / {n_rows + 1}. Give a higher "
            f"rate, or a file of at least {int(np.ceil(1 / self.rate)) - 1:,} other normal rows as "
            "--calibration"
        )


def open_calibration(options: AlarmOptions, how: ReadingOptions) -> TableFile | None:
    """Open the file of --calibration, if there is one."""
    return None if options.calibration is None else open_table(options.calibration, how)


def read_calibration(
    table: TableFile | None, options: AlarmOptions, needed: list[str], like: str
) -> pd.DataFrame | None:
    """Read the rows of --calibration, and check that they can be used.

    Parameters
    ----------
    table : TableFile or None
        The file, opened.
    options : AlarmOptions
    needed : list of str
        The columns that the rows must have.
    like : str
        Says which table has these columns.
    """
    path = options.calibration
    if table is None or path is None:
        return None
    check_schema(needed, table.columns, path, like)
    frames = list(table.chunks(None))
    if not frames:
        raise BadData(f"{path} has a header, but no rows below it")
    [frame] = frames
    options.check_number(len(frame), path)
    return frame[needed]


def set_alarm_rate(
    model: Any, rows: pd.DataFrame | None, table: TableFile | None, options: AlarmOptions
) -> None:
    """Set the threshold of a fitted model by the rate, if one was asked for.

    Raises
    ------
    BadData
        If rows of --calibration cannot be scored.
    UsageMistake
        If there are no rows that the model was not trained on.
    """
    if options.rate is None:
        return
    detector, calibration = model[-1], None
    if rows is None and detector.held_out_scores_ is None:
        raise UsageMistake(
            "--false-alarm-rate needs rows that the model was not trained on. Give a file of them, "
            "normal as far as possible, as --calibration, or fit the model with "
            "`lofe fit --false-alarm-rate`"
        )
    if rows is not None:
        try:
            calibration = model[:-1].transform(rows[needed_columns(model)])
        except ValueError as error:
            raise BadData(f"{options.calibration}: {plain_words(str(error), table)}") from error
    try:
        detector.set_threshold(false_alarm_rate=options.rate, calibration=calibration)
    except ValueError as error:
        raise UsageMistake(plain_words(str(error))) from error
