"""``lofe fit``: from a file to its anomalies, a model, and a report."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lofe_sklearn import config_context, save
from lofe_sklearn._command_line._exits import BadData, CannotWrite, UsageMistake
from lofe_sklearn._command_line._false_alarms import (
    AlarmOptions,
    open_calibration,
    read_calibration,
    set_alarm_rate,
)
from lofe_sklearn._command_line._known_column import read_known
from lofe_sklearn._command_line._models import (
    find_reasons,
    new_model,
    read_contamination_option,
    score_rows,
    share_of_fit,
    share_was_given,
)
from lofe_sklearn._command_line._notes import Notes, plain_words
from lofe_sklearn._command_line._plain_values import counted, percent
from lofe_sklearn._command_line._printing import print_rows
from lofe_sklearn._command_line._ranking import Ranking
from lofe_sklearn._command_line._score_files import (
    check_ending,
    check_id_column,
    check_targets,
    is_same_file,
    writing_scores,
)
from lofe_sklearn._command_line._table_files import ReadingOptions, TableFile, open_table
from lofe_sklearn._command_line._typed_columns import check_finite, note_decimal_commas, typed
from lofe_sklearn.engine import resolve_device
from lofe_sklearn.tabular._quantity_texts import quantities_of

if TYPE_CHECKING:
    import pandas as pd

# Rows of the report: at least those that are printed.
_ROWS_OF_REPORT = 25
# Enough for a word of few values, or a number, to come again.
_ROWS_FOR_NAMES = 1_000


@dataclass(frozen=True)
class FitOptions:
    """The options of the command."""

    data: Path
    how: ReadingOptions
    model: Path | None
    top: int
    reasons: int
    id_column: str | None
    contamination: str
    alarms: AlarmOptions
    known: str | None
    ignore: tuple[str, ...]
    output: Path | None
    report: Path | None
    seed: int
    device: str
    quiet: bool


@dataclass(frozen=True, eq=False)
class Training:
    """The rows of a file, in the parts that a fit takes.

    Parameters
    ----------
    frame : pandas.DataFrame
        What features are made of.
    names : pandas.Series or None
        The column of --id.
    known : dict
        The masks that `LOE.fit` takes.
    """

    frame: pd.DataFrame
    names: pd.Series | None
    known: dict[str, np.ndarray]

    @property
    def n_without_known_anomalies(self) -> int:
        """How many rows have held-out scores that set a false alarm rate."""
        anomalies = self.known.get("loe__known_anomalies")
        return len(self.frame) - (0 if anomalies is None else int(anomalies.sum()))


def run_fit(options: FitOptions) -> None:
    """Run the command."""
    _check_device(options.device)
    with config_context(device=options.device):
        _run_fit(options)


def _run_fit(options: FitOptions) -> None:
    how, contamination = options.how.checked(), read_contamination_option(options.contamination)
    alarms = options.alarms.checked()
    check_ending(options.output)
    check_id_column(options.id_column)
    written = {"--model": options.model, "--output": options.output, "--report": options.report}
    check_targets(written, {"DATA": options.data, **alarms.files()})
    notes = Notes(quiet=options.quiet)
    table = open_table(options.data, how)
    if alarms.calibration is not None and is_same_file(alarms.calibration, options.data):
        raise UsageMistake(
            f"--calibration {alarms.calibration} is the file of DATA, {options.data}. The model is "
            "trained on these rows, and they look too normal to it; give others, or leave out "
            "--calibration"
        )
    clean_table = open_calibration(alarms, how)
    training = _read(table, options, notes)
    clean = read_calibration(
        clean_table, alarms, list(training.frame.columns), f"of {options.data}"
    )
    if clean is None:
        alarms.check_number(training.n_without_known_anomalies, options.data)
    # Imported before the training is announced: Ctrl-C in the middle of an import may end the
    # process silently, or look like a missing package.
    with suppress(ImportError):  # TableFeatures names the extra
        import skrub  # noqa: F401
    notes.tell(
        f"{options.data}: {counted(len(training.frame), 'row')}, "
        f"{counted(training.frame.shape[1], 'column')}; training"
    )
    model = new_model(contamination, options.seed, alarms.n_folds)
    with notes.of_warnings():
        with notes.progress("fit"):
            _fit(model, training, table, options.data)
        set_alarm_rate(model, clean, clean_table, alarms)
        scores = score_rows(model, training.frame)
    if options.model is not None:
        _save(model, options.model)
    with writing_scores(options.output) as file:
        if file is not None:
            file.add(training.frame.index, training.names, scores)
    n_listed = max(options.top, _ROWS_OF_REPORT) if options.report else options.top
    ranking = Ranking(n_listed, options.id_column)
    ranking.add(training.frame, training.names, scores)
    reasons = find_reasons(model, training.frame.loc[ranking.rows().index], options.reasons)
    rows = ranking.ranked(reasons)
    if options.report is not None:
        from lofe_sklearn._command_line._report_page import Findings, report_page, write_report

        page = report_page(
            Findings(
                str(options.data),
                model,
                training.frame,
                scores,
                rows,
                notes.texts,
                options.id_column,
                alarms.rate,
            )
        )
        write_report(options.report, page)
    _summarise(model, ranking, notes, alarms.rate)
    print_rows(rows[: options.top], options.id_column, options.reasons > 0)


def _check_device(device: str) -> None:
    try:
        resolve_device(device)
    except ValueError as error:
        raise UsageMistake(f"--device: {error}") from error


def _read(table: TableFile, options: FitOptions, notes: Notes) -> Training:
    """Read all rows, and take out the columns that are no features."""
    path = options.data
    frames = list(table.chunks(None))
    if not frames:
        raise BadData(f"{path} has a header, but no rows below it")
    [frame] = frames
    beside = getattr(table, "beside", {})
    for option, name in _named_columns(options):
        if name not in frame.columns:
            raise BadData(
                f"{path} has no column {name!r}, which {option} names; it has "
                f"{', '.join(map(repr, list(frame.columns)[:20]))}"
            )
    names = frame[options.id_column] if options.id_column else None
    known = {}
    if options.known:
        anomalies, normal = read_known(frame[options.known], table, path)
        known = {"loe__known_anomalies": anomalies, "loe__known_normal": normal}
    left_out = {name for _, name in _named_columns(options)} | set(beside)
    frame = frame[[name for name in frame.columns if name not in left_out]]
    if frame.shape[1] < 2 and not _has_numbers(frame):
        listed = ", ".join(map(repr, frame.columns)) or "none"
        raise BadData(
            f"{path} has too few columns to make features of: {listed}. At least two are "
            "needed, or one of numbers. Is the separator right? --separator sets another one"
        )
    if len(frame) < 2:
        raise BadData(f"{path} has one row; at least 2 are needed to learn what is normal")
    if all(map(_is_number, frame.columns)) or _is_like_rows(frame):
        notes.add(
            f"the first line, {', '.join(list(frame.columns)[:4])} and so on, is read as the "
            "header. If it is a row, put a line with names above it"
        )
    if options.how.decimal == ".":
        note_decimal_commas(frame, notes, lambda name: quantities_of(frame[name]) is not None)
    frame = typed(frame)
    check_finite(frame, table, path)
    return Training(frame, names, known)


def _named_columns(options: FitOptions) -> list[tuple[str, str]]:
    named = [("--id", options.id_column), ("--known", options.known)]
    named += [("--ignore", name) for name in options.ignore]
    return [(option, name) for option, name in named if name is not None]


def _has_numbers(frame: pd.DataFrame) -> bool:
    """Whether a column holds numbers; one column of other text may be a row with its separators."""
    are_plain = not typed(frame).select_dtypes("number").empty
    return are_plain or any(quantities_of(frame[name]) is not None for name in frame.columns)


def _is_like_rows(frame: pd.DataFrame) -> bool:
    """Whether most names of columns are values of their columns, too, in the first rows."""
    rows = frame.head(_ROWS_FOR_NAMES).astype(str)
    found = [rows[name].str.strip().eq(name).any() for name in rows.columns]
    return 2 * sum(found) > len(found)


def _is_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True


def _fit(model: Any, training: Training, table: TableFile, path: Path) -> None:
    try:
        model.fit(training.frame, **training.known)
    except ValueError as error:
        raise BadData(f"{path}: {plain_words(str(error), table)}") from error
    except ArithmeticError as error:
        raise BadData(f"{path}: the training did not converge: {error}") from error


def _save(model: Any, path: Path) -> None:
    try:
        save(model, path)
    except OSError as error:
        raise CannotWrite(plain_words(error.strerror or str(error))) from error


def _summarise(model: Any, ranking: Ranking, notes: Notes, rate: float | None) -> None:
    detector = model[-1]
    low, high = detector.contamination_interval_
    given = share_was_given(detector)
    given = f", {given}" if given else ""
    bounds = f" (between {percent(low)} and {percent(high)})" if low < high else ""
    by_rate = "" if rate is None else f", by a false alarm rate of {percent(rate)}"
    notes.tell(
        f"flagged {counted(ranking.n_flagged, 'row')} of {ranking.n_rows:,}{by_rate}; share of "
        f"anomalies {percent(share_of_fit(detector))}{given}{bounds}"
    )
