"""``lofe score``: score another file with a saved model, in chunks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lofe_sklearn._command_line._exits import BadData
from lofe_sklearn._command_line._false_alarms import (
    AlarmOptions,
    open_calibration,
    read_calibration,
    set_alarm_rate,
)
from lofe_sklearn._command_line._models import (
    Scores,
    check_schema,
    find_reasons,
    needed_columns,
    read_model,
    score_rows,
)
from lofe_sklearn._command_line._notes import Notes, plain_words
from lofe_sklearn._command_line._plain_values import counted, percent
from lofe_sklearn._command_line._printing import print_rows
from lofe_sklearn._command_line._ranking import Ranking
from lofe_sklearn._command_line._score_files import (
    check_ending,
    check_id_column,
    check_targets,
    writing_scores,
)
from lofe_sklearn._command_line._table_files import ReadingOptions, TableFile, open_table
from lofe_sklearn._command_line._typed_columns import note_decimal_commas
from lofe_sklearn._progress import part

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class ScoreOptions:
    """The options of the command."""

    data: Path
    how: ReadingOptions
    model: Path
    top: int
    reasons: int
    id_column: str | None
    alarms: AlarmOptions
    output: Path | None
    chunk_rows: int
    device: str
    quiet: bool


def run_score(options: ScoreOptions) -> None:
    """Run the command."""
    how, alarms = options.how.checked(), options.alarms.checked()
    check_ending(options.output)
    check_id_column(options.id_column)
    read = {"DATA": options.data, "--model": options.model, **alarms.files()}
    check_targets({"--output": options.output}, read)
    notes = Notes(quiet=options.quiet)
    table, clean_table = open_table(options.data, how), open_calibration(alarms, how)
    with notes.of_warnings():
        model = read_model(options.model, options.device)
    needed, like = needed_columns(model), f"that {options.model} was fitted on"
    known = [*model[0].feature_names_in_, options.id_column]
    check_schema(needed, table.columns, options.data, like, known)
    clean = read_calibration(clean_table, alarms, needed, like)
    with notes.of_warnings():
        set_alarm_rate(model, clean, clean_table, alarms)
    ranking = Ranking(options.top, options.id_column)
    with (
        notes.of_warnings(),
        writing_scores(options.output) as file,
        notes.progress("score"),
        part(1.0) as progress,
    ):
        for frame, names in _chunks(table, options, needed):
            if ranking.n_rows == 0 and how.decimal == ".":
                features = frame[[name for name in frame.columns if name in needed]]
                note_decimal_commas(features, notes, model[0]._reads_quantities)
            scores = _score(model, frame, table, options.data)
            ranking.add(frame, names, scores)
            if file is not None:
                file.add(frame.index, names, scores)
            progress.reach(table.share_read(), counted(ranking.n_rows, "row"))
    if ranking.n_rows == 0:
        raise BadData(f"{options.data} has a header, but no rows below it")
    reasons = find_reasons(model, ranking.rows(), options.reasons)
    by_rate = "" if alarms.rate is None else f", by a false alarm rate of {percent(alarms.rate)}"
    notes.tell(f"flagged {counted(ranking.n_flagged, 'row')} of {ranking.n_rows:,}{by_rate}")
    print_rows(ranking.ranked(reasons), options.id_column, options.reasons > 0)


def _chunks(
    table: TableFile, options: ScoreOptions, needed: list[str]
) -> Iterator[tuple[pd.DataFrame, pd.Series | None]]:
    for frame in table.chunks(options.chunk_rows):
        name = options.id_column
        if name is not None and name not in frame.columns:
            raise BadData(f"{options.data} has no column {name!r}, which --id names")
        names = None if name is None else frame[name]
        # A column that the model was fitted to may name rows, and stays one.
        beside = {*getattr(table, "beside", {}), *([name] if name else [])}.difference(needed)
        yield frame[[column for column in frame.columns if column not in beside]], names


def _score(model: Any, frame: pd.DataFrame, table: TableFile, path: Path) -> Scores:
    try:
        return score_rows(model, frame)
    except ValueError as error:
        raise BadData(f"{path}: {plain_words(str(error), table, int(frame.index[0]))}") from error
