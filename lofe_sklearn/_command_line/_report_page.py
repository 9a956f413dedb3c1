"""The report: one page of HTML that needs no other file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lofe_sklearn import __version__
from lofe_sklearn._command_line._exits import CannotWrite, one_line
from lofe_sklearn._command_line._models import (
    AS_GIVEN,
    RULED_OUT,
    WITHIN_GIVEN,
    Scores,
    share_of_fit,
    share_was_given,
)
from lofe_sklearn._command_line._plain_values import (
    counted,
    name_text,
    percent,
    probability_text,
    value_text,
)
from lofe_sklearn._command_line._ranking import RankedRow
from lofe_sklearn._command_line._report_pictures import belief_chart, score_histogram
from lofe_sklearn._command_line._report_style import STYLE
from lofe_sklearn._loe._find_ratio import PRIOR_MEAN, Belief
from lofe_sklearn._saving._atomic import write_whole

if TYPE_CHECKING:
    import pandas as pd

    from lofe_sklearn.inspection import Reason

_WHY_GIVEN = {
    AS_GIVEN: "since the share was given",
    WITHIN_GIVEN: "since an interval of shares was given",
    RULED_OUT: "since the known labels rule out the share that was given",
}
_PACKAGES = ("scikit-learn", "torch", "numpy", "skrub", "pandas")


@dataclass(frozen=True, eq=False)
class Findings:
    """What the report shows.

    Parameters
    ----------
    source : str
        The name of the file.
    model : Pipeline
        Of `TableFeatures` and `LOE`, fitted on `frame`.
    frame : pandas.DataFrame
    scores : Scores
        Of all rows of `frame`.
    rows : sequence of RankedRow
    notes : sequence of str
    id_column : str or None
    alarm_rate : float or None
        The false alarm rate that has set the threshold.
    """

    source: str
    model: Any
    frame: pd.DataFrame
    scores: Scores
    rows: Sequence[RankedRow]
    notes: Sequence[str]
    id_column: str | None
    alarm_rate: float | None = None


def report_page(findings: Findings) -> str:
    """Return the page."""
    sections = [
        _summary(findings),
        _section("Rows to look at", _rows(findings)),
        _section("Scores of all rows", _histogram(findings)),
        _section("Share of anomalies", _ratio(findings)),
        _section("Columns as read", _columns(findings)),
        _section("Notes", _notes(findings.notes)) if findings.notes else "",
        _section("Made with", _versions(findings)),
    ]
    title = f"Anomalies in {escape(one_line(findings.source))}"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{title}</h1>\n" + "\n".join(sections) + "\n</main>\n</body>\n</html>\n"
    )


def write_report(path: Path, page: str) -> None:
    """Write the page to the file that ``--report`` names.

    Raises
    ------
    CannotWrite
    """
    try:
        write_whole(path, page.encode(), "--report")
    except OSError as error:
        raise CannotWrite(error.strerror or str(error)) from error


def _section(title: str, body: str) -> str:
    return f"<section>\n<h2>{title}</h2>\n{body}\n</section>"


def _summary(findings: Findings) -> str:
    n_flagged = int(findings.scores.flagged.sum())
    low, high = findings.model[-1].contamination_interval_
    n_rows, n_columns = findings.frame.shape
    facts = [
        (f"{n_rows:,}", "rows"),
        (f"{n_columns:,}", "columns"),
        (f"{n_flagged:,}", "rows flagged"),
        (f"{percent(low)} to {percent(high)}", "likely share of anomalies")
        if low < high
        else (percent(low), f"share of anomalies, {share_was_given(findings.model[-1])}"),
    ]
    items = "".join(f"<div><b>{number}</b><span>{what}</span></div>" for number, what in facts)
    return f'<div class="facts">{items}</div>'


def _rows(findings: Findings) -> str:
    name = f"<th>{escape(one_line(findings.id_column))}</th>" if findings.id_column else ""
    head = (
        f"<tr><th>#</th><th>Row</th>{name}<th>Probability</th><th>Score</th><th>Reasons</th></tr>"
    )
    largest = max((r.contribution for row in findings.rows for r in row.reasons), default=1.0)
    lines = []
    for row in findings.rows:
        own = (
            f"<td>{escape(one_line(name_text(row.name) or 'missing'))}</td>"
            if findings.id_column
            else ""
        )
        reasons = "".join(_reason(reason, largest) for reason in row.reasons) or "none found"
        mark = ' class="flagged"' if row.flagged else ""
        lines.append(
            f'<tr{mark}><td class="n">{row.rank}.</td>'
            f'<td class="n" data-name="row ">{row.row:,}</td>{own}'
            f'<td class="n" data-name="probability ">'
            f"{escape(probability_text(row.probability))}</td>"
            f'<td class="n" data-name="score ">{row.anomaly_score:.2f}</td>'
            f"<td>{reasons}</td></tr>"
        )
    return (
        "<p>The most anomalous rows first. <i>Row</i> counts the rows below the header, from 1. A "
        "bold probability marks a row that is flagged. A reason names a column, its value in the "
        "row, the typical value, and by how much the value raises the score.</p>\n"
        f'<div class="wide"><table class="rows"><thead>{head}</thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def _reason(reason: Reason, largest: float) -> str:
    width = 100 * reason.contribution / largest
    return (
        f'<div class="reason"><span class="bar"><span style="width:{width:.1f}%"></span></span>'
        f"<span><b>{escape(one_line(reason.feature))}</b> {escape(value_text(reason.value))} "
        f"<i>typically {escape(value_text(reason.typical))}</i> {reason.contribution:+.2f}"
        "</span></div>"
    )


def _histogram(findings: Findings) -> str:
    scores, detector = findings.scores.anomaly_score, findings.model[-1]
    low, high = detector.contamination_interval_
    # A larger share flags rows of lower scores.
    interval = tuple(float(q) for q in np.quantile(scores, [1 - high, 1 - low]))
    picture = score_histogram(scores, -float(detector.offset_), (interval[0], interval[1]))
    band = (
        "The shaded band shows where else the line may be, since the share of anomalies is "
        "uncertain."
        if findings.alarm_rate is None
        else "The shaded band shows where the line would be by the share of anomalies."
    )
    return (
        f"{picture}\n<p>How many rows have which score. Rows to the right of the line are flagged. "
        f"{band} The ranking does not depend on the line.</p>"
    )


def _ratio(findings: Findings) -> str:
    detector = findings.model[-1]
    low, high = detector.contamination_interval_
    share = f"<b>{percent(share_of_fit(detector))}</b> of the rows"
    found = f"The threshold flags {share}"
    if findings.alarm_rate is not None:
        found = (
            f"The threshold was set by a false alarm rate of {percent(findings.alarm_rate)}. The "
            f"probabilities take {share} for anomalies"
        )
    given = share_was_given(detector)
    if given:
        return (
            f"<p>{found}, {_WHY_GIVEN[given]} "
            "(<code>--contamination</code>). Nothing was estimated.</p>"
        )
    belief: Belief = detector._belief
    agreement = (
        "detectors of different kinds agree on which rows are most anomalous, so these are likely "
        "a group "
        "of their own."
        if belief.is_separate
        else "detectors of different kinds do not agree on a group of rows that stands apart. So "
        "the share rests mostly on the assumption, and there may be few anomalies or none."
    )
    if belief.is_one_feature:
        agreement = (
            "the rows differ in one feature, by which all detectors rank them alike, so agreement "
            "says nothing. The share rests on the assumption."
        )
    return (
        f"<p>{found}; anything between <b>{percent(low)}</b> and "
        f"<b>{percent(high)}</b> is about as likely. Data alone do not tell this share. It rests "
        f"on:</p>\n<ul><li>an assumption: anomalies are rare, {percent(PRIOR_MEAN)} or so, "
        f"unless the data say otherwise;</li>\n<li>agreement: {agreement}</li></ul>\n"
        f"{belief_chart(belief)}\n<p>How likely each share is: before the data were looked at "
        "(line), and after (bars).</p>"
    )


def _columns(findings: Findings) -> str:
    features = findings.model[0]
    head = (
        "<tr><th>Column</th><th>Read as</th><th>Missing</th><th>Features</th><th>Typical</th></tr>"
    )
    n_features = Counter(features.feature_origin_.values())
    typical = features.typical_row_
    # As the file writes them: times of day are seconds there, and amounts are without a currency.
    as_written = features._shown_in_reasons(typical, findings.frame)
    lines = []
    for name, value in zip(findings.frame.columns, as_written, strict=True):
        reason = features.dropped_.get(name)
        kind = escape(features.column_kinds_.get(name, ""))
        kind = "truth value" if isinstance(typical[name].iloc[0], (bool, np.bool_)) else kind
        read_as = f'<span class="dropped">dropped: {escape(reason)}</span>' if reason else kind
        missing = features._count_missing(findings.frame[name])
        shown = "" if reason else escape(value_text(value))
        lines.append(
            f'<tr><td>{escape(one_line(name))}</td><td>{read_as}</td><td class="n">'
            f'{missing:,}</td><td class="n">{n_features[name] or ""}</td><td>{shown}</td></tr>'
        )
    body = f"<thead>{head}</thead><tbody>{''.join(lines)}</tbody>"
    return f'<div class="wide"><table>{body}</table></div>'


def _notes(notes: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(one_line(note))}</li>" for note in notes) + "</ul>"


def _versions(findings: Findings) -> str:
    detector = findings.model[-1]
    packages = ", ".join(f"{name} {metadata.version(name)}" for name in _PACKAGES)
    when = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z")
    return (
        f"<p>lofe_sklearn {__version__}, with {escape(packages)}; {when}. "
        f"{counted(len(detector.estimators_), 'model')}, seed {detector.random_state}.</p>"
    )
