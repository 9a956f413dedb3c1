"""``lofe demo``: the demo on rows of numbers, then a mixed table and its report."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING

from lofe_sklearn import _demo
from lofe_sklearn._command_line._exits import CannotWrite

if TYPE_CHECKING:
    import pandas as pd

_SEED = 0
_SHOWN = 5


def run_demo(arguments: Sequence[str]) -> None:
    """Run both parts.

    Raises
    ------
    CannotWrite
        If the plot or the report cannot be written.
    UsageMistake
        If they would be the same file.
    """
    options = _demo.parse(arguments)
    # It imports what is slow, for which --help and wrong options should not wait.
    from lofe_sklearn._command_line._score_files import check_targets

    report = options.report if options.transactions else None
    check_targets({"--output": options.output, "--report": report}, {})
    try:
        _demo.run(options)
    except _demo.PlotNotWritten as error:
        raise CannotWrite(str(error)) from error
    if options.transactions == 0:
        return
    missing = [name for name in ("skrub", "pandas") if find_spec(name) is None]
    if missing:
        sys.stdout.write(
            f"The part on a table of transactions is left out: it needs {' and '.join(missing)}. "
            "Install them with: pip install 'lofe-sklearn[demo]'\n"
        )
        return
    from lofe_sklearn.datasets import make_transactions

    X, y = make_transactions(options.transactions, random_state=_SEED)
    _show(X, y, options)


def _show(X: pd.DataFrame, y: pd.Series, options: argparse.Namespace) -> None:
    """Find the anomalies of a table, print the first ones, and write the report."""
    from sklearn.metrics import average_precision_score

    from lofe_sklearn import config_context
    from lofe_sklearn._command_line._models import find_reasons, new_model, score_rows
    from lofe_sklearn._command_line._notes import Notes
    from lofe_sklearn._command_line._printing import print_rows
    from lofe_sklearn._command_line._ranking import Ranking
    from lofe_sklearn._command_line._report_page import Findings, report_page, write_report

    names, frame = X["transaction_id"], X.drop(columns="transaction_id")
    frame.index = names.index = range(1, len(X) + 1)
    sys.stdout.write(
        f"\nA table of {len(X):,} made-up card transactions, numbers, text, dates and gaps, with "
        f"{int(y.sum())} planted anomalies. LOE() is not told which:\n\n"
    )
    sys.stdout.flush()
    notes = Notes(quiet=True)
    with notes.of_warnings(), config_context(device=options.device):
        model = new_model("auto", _SEED).fit(frame)
        scores = score_rows(model, frame)
        ranking = Ranking(25, "transaction_id")
        ranking.add(frame, names, scores)
        rows = ranking.ranked(find_reasons(model, frame.loc[ranking.rows().index], 3))
    print_rows(rows[:_SHOWN], "transaction_id", with_reasons=True)
    planted = sum(int(y.iloc[row.row - 1]) for row in rows)
    precision = average_precision_score(y, scores.anomaly_score)
    page = report_page(
        Findings("make_transactions()", model, frame, scores, rows, notes.texts, "transaction_id")
    )
    write_report(options.report, page)
    sys.stdout.write(
        f"\n{planted} of the first {len(rows)} rows are planted anomalies; average precision "
        f"{precision:.2f}.\nReport: {options.report}\n"
    )
