"""One report for each suite: Markdown, LaTeX and pictures."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks import ledger, speed_report
from benchmarks.reports import anchors, origin
from benchmarks.reports.adbench import SEEN, UNSEEN, is_seen, seen_and_unseen, set_by_set
from benchmarks.reports.beside import paper_tabular, published
from benchmarks.reports.curves import Curves, Misspecified, percent
from benchmarks.reports.grid import METRICS, Grid, ReportError, Row, make_grid, name_sets
from benchmarks.reports.pictures import SUITES as OF_PICTURES
from benchmarks.reports.pictures import paper_pictures
from benchmarks.reports.plots import cd_diagram, cd_text
from benchmarks.reports.ranks import compare, wilcoxon
from benchmarks.reports.tables import Sheet, grid_sheets
from benchmarks.reports.track import Track, draw

PROTOCOLS = {
    "loe_tabular": "the LOE paper's protocol",
    "unsupervised": "fit on all rows without labels, score the same rows",
    "adbench_split": "ADBench's split into training and test rows",
    "one_class": "trained on half of the normal rows",
    "contaminated_one_class": "one class, with anomalies left in the training rows",
    "one_vs_rest": "one class of images against the rest",
    "video": "fit on a video without labels, score the same",
    "bootstrap": "fit on a bootstrap sample of all rows, score all rows",
}
# Those that take a true ratio.
WITH_RATIO = ("loe_tabular", "one_vs_rest", "video", "contaminated_one_class")
# Those whose tables go over the true ratios.
OVER_RATIOS = ("contamination-curve", "misspecification", "contaminated")
SUITES = {
    "paper-tabular": "The LOE paper's tabular experiments",
    "adbench": "ADBench",
    "contaminated": "The contaminated track",
    "contamination-curve": "Detectors over the true ratio",
    "misspecification": "A wrong assumed ratio",
    "paper-image": "The LOE paper's image experiments",
    "paper-mvtec": "MVTec-AD",
    "paper-video": "Video: UCSD Ped2",
}


def write_report(
    paths: Sequence[Path],
    output: Path,
    *,
    metrics: Sequence[str] | None = None,
    paper: bool = True,
) -> list[Path]:
    """Write the reports of result files, one for each suite that is in them.

    Parameters
    ----------
    paths : sequence of Path
        Result files of ``python -m benchmarks run``; of a fit that is in them twice, the last
        counts.
    output : Path
        The folder for SUITE.md, SUITE.tex and the pictures SUITE_*.png; made where it is not there.
    metrics : sequence of {"f1", "roc_auc", "average_precision"}, default=None
        One table each. By default F1 for the LOE paper's protocol, ROC AUC and average precision
        for others.
    paper : bool, default=True
        Whether published figures stand beside ours.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    ReportError
        For an unknown metric, and where there are no rows or none with a figure.
    ledger.LedgerError
        For a file that is not a result file.
    """
    paths = [Path(path) for path in paths]
    unknown = [name for name in metrics or () if name not in METRICS]
    if unknown:
        raise ReportError(
            f"unknown metric {', '.join(map(repr, unknown))}; there are {', '.join(METRICS)}."
        )
    rows = ledger.read(paths)
    if not rows:
        names = ", ".join(map(str, paths)) or "no file"
        raise ReportError(
            f"there are no rows in {names}. Make some: python -m benchmarks run SUITE."
        )
    by_suite: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_suite[str(row.get("suite") or "results")].append(row)
    for suite, of_suite in by_suite.items():
        if all(row.get("error") for row in of_suite):
            first = origin.strip_path(str(of_suite[0]["error"]).strip().splitlines()[-1])
            raise ReportError(
                f"every fit of {suite} failed ({len(of_suite)}), so there is nothing to report. "
                f"The first: {first}"
            )
    output.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    if by_suite.pop("speed", None):
        written += speed_report.report(paths, output)
    for suite, of_suite in by_suite.items():
        written += Report(suite, of_suite, output, metrics, paper).write(paths)
    return written


class Report:
    """The report of one suite, while it is made."""

    def __init__(
        self,
        suite: str,
        rows: list[Row],
        output: Path,
        metrics: Sequence[str] | None,
        paper: bool,
    ) -> None:
        self.suite, self.rows, self.output = suite, rows, output
        self.metrics, self.paper = metrics, paper
        self.name = re.sub(r"[^\w.-]+", "_", suite)
        self.subject = ""
        self.body: list[str] = []
        self.sheets: list[tuple[Sheet, str]] = []
        self.pictures: list[Path] = []

    def write(self, paths: Sequence[Path]) -> list[Path]:
        """Make all, and write the files."""
        if self.suite in OF_PICTURES:
            self.subject = "the LOE paper's images"
            beside = paper_pictures(self.rows)
            if beside:
                self._add("## Beside the paper")
            for sheet in beside:
                self._sheet(sheet)
        for key, rows in self._sections().items():
            self._section(key, rows)
        failed = origin.failures(self.rows)
        if failed:
            self._add("## " + failed.title, failed.markdown())
        made = origin.made_by(self.rows, paths, self.output)
        self._add("## Where this comes from", made)
        title = SUITES.get(self.suite, self.suite)
        text = "\n".join([f"# {title}", "", origin.head(self.rows), *self.body])
        markdown = self.output / f"{self.name}.md"
        markdown.write_text(text, encoding="utf-8")
        comment = "".join(f"% {line}\n" for line in made.splitlines() if line.strip("`sh"))
        floats = [
            sheet.latex(f"tab:{self.name}-{n}", subject)
            for n, (sheet, subject) in enumerate(self.sheets, start=1)
        ]
        latex = self.output / f"{self.name}.tex"
        head = f"% {title}. Needs \\usepackage{{booktabs}}.\n{comment}\n"
        latex.write_text(head + "\n".join(floats), encoding="utf-8")
        return [markdown, latex, *self.pictures]

    def _sections(self) -> dict[str, list[Row]]:
        """Sort the rows by what must not stand in one table: protocol, and true ratio."""
        over_ratios = self.suite in OVER_RATIOS
        sections: dict[tuple[str, float], list[Row]] = defaultdict(list)
        for row in self.rows:
            ratio = row.get("true_ratio")
            set_by_user = row.get("protocol") in WITH_RATIO and ratio is not None
            key = float(ratio or 0) if set_by_user and not over_ratios else -1.0
            sections[str(row.get("protocol")), key].append(row)
        one_ratio = len({ratio for _, ratio in sections}) == 1
        return {
            protocol + ("" if one_ratio or ratio < 0 else f"_{100 * ratio:g}"): rows
            for (protocol, ratio), rows in sorted(sections.items())
        }

    def _section(self, key: str, rows: list[Row]) -> None:
        protocol = str(rows[0].get("protocol"))
        ratio = rows[0].get("true_ratio")
        subject = PROTOCOLS.get(protocol, protocol)
        over_ratios = self.suite in OVER_RATIOS
        if ratio is not None and protocol in WITH_RATIO and not over_ratios:
            subject += f", {percent(ratio)} anomalies"
        self.subject = subject
        self._add(f"## {subject[0].upper()}{subject[1:]}")
        part = "" if len(self._sections()) == 1 else f"_{key}"
        usual = ("f1",) if protocol == "loe_tabular" else ("roc_auc", "average_precision")
        if self.suite in OF_PICTURES:
            usual = ("roc_auc",)
        if self.suite == "contaminated":
            self._track(rows)
            return
        if self.paper and not over_ratios:
            for sheet in paper_tabular(rows):
                self._sheet(sheet)
        nothing: list[str] = []
        for metric in self.metrics or usual:
            if not any(np.isfinite(_value(row, metric)) for row in rows):
                nothing.append(METRICS[metric])
            elif self.suite == "contamination-curve":
                self._curve(rows, metric, part)
            elif self.suite == "misspecification":
                self._misspecified(rows, metric, part)
            else:
                self._grid(make_grid(rows, metric), rows, part)
        if nothing:
            self._add(f"No row has {' or '.join(nothing)}.")

    def _grid(self, grid: Grid, rows: list[Row], part: str) -> None:
        datasets = dict(zip(name_sets(rows), (row["dataset"] for row in rows), strict=True))
        protocol = str(rows[0].get("protocol"))
        if self.suite == "adbench":
            apart = [seen_and_unseen(grid, datasets)]
            if self.paper:
                apart.append(set_by_set(grid, datasets, protocol))
            for sheet in filter(None, apart):
                self._sheet(sheet)
        for sheet in grid_sheets(grid):
            self._sheet(sheet)
        self._difference(grid, part)
        if not self.paper:
            return
        if protocol == "loe_tabular" and rows[0].get("true_ratio") != 0.1:
            return
        there = published(
            grid,
            datasets,
            anchors.adbench(protocol, grid.metric),
            anchors.adbench_key,
            "Livernoche et al. 2024",
        ) + published(
            grid, datasets, anchors.peers(protocol, grid.metric), str, "peers measured before"
        )
        for sheet in there:
            self._sheet(sheet)

    def _difference(self, grid: Grid, part: str) -> None:
        """Add the critical-difference diagram, or say why there is none."""
        columns = [grid.columns[i] for i in grid.counted]
        scores = grid.means[np.ix_(grid.common, grid.counted)]
        n_sets, k = scores.shape
        if k < 2:
            return
        if n_sets < 2:
            self._add(
                f"No critical-difference diagram: it needs two sets or more that every detector "
                f"has a result on; there {'is' if n_sets == 1 else 'are'} {n_sets or 'none'}."
            )
            return
        if k == 2:
            self._add(
                "No critical-difference diagram: it compares three detectors or more. Wilcoxon's "
                f"signed-rank test of the two over {n_sets} sets: p = {wilcoxon(*scores.T):.3f}."
            )
            return
        found = compare(scores, [str(column) for column in columns])
        path = self.output / f"{self.name}{part}_cd_{grid.metric}.png"
        title = f"Mean ranks by {METRICS[grid.metric]} over {n_sets} sets"
        self.pictures.append(cd_diagram(found, path, title))
        self._add(f"![{title}]({path.name})", cd_text(found))

    def _curve(self, rows: list[Row], metric: str, part: str) -> None:
        curves = Curves(rows, metric)
        if not curves.sets:
            raise ReportError(f"no row of {self.suite} says its true ratio.")
        several = len(self.metrics or ()) > 1 or metric == "average_precision"
        path = self.output / f"{self.name}{part}_curve{f'_{metric}' if several else ''}.png"
        self.pictures.append(curves.plot(path))
        paper = any(curves.paper.values())
        self._add(
            f"### {METRICS[metric]} over the true ratio",
            f"![{METRICS[metric]} over the true ratio]({path.name})",
            "Lines are means over the seeds, bands one standard deviation to either side"
            + ("; dashed is the paper, read off its plots." if paper else "."),
        )
        for sheet in curves.sheets():
            self._sheet(sheet)

    def _track(self, rows: list[Row]) -> None:
        tracks = [Track(rows, metric) for metric in self.metrics or METRICS]
        if not tracks[0].curves:
            raise ReportError("no detector has a figure at every share of anomalies.")
        main = "average_precision"  # its picture has the name of the suite, which others link to
        for track in sorted(tracks, key=lambda track: track.metric != main):
            if track.metric == "f1" and len(tracks) > 1:
                continue
            alone = track.metric == main or len(tracks) == 1
            path = self.output / f"{self.name}{'' if alone else '_' + track.metric}.png"
            self.pictures.append(draw(track, path))
            metric = METRICS[track.metric]
            self._add(
                f"![{metric[0].upper()}{metric[1:]} by the share of anomalies in training]"
                f"({path.name})"
            )
        for track in tracks:
            self._sheet(track.sheet())
        parts = {
            SEEN: [row for row in rows if is_seen(row["dataset"])],
            UNSEEN: [row for row in rows if not is_seen(row["dataset"])],
        }
        if all(parts.values()):
            for (part, of_part), metric in product(parts.items(), self.metrics or METRICS):
                sheet = Track(of_part, metric).sheet()
                sheet.title += f": sets {part}" if part == SEEN else f": {part}"
                self._sheet(sheet)

    def _misspecified(self, rows: list[Row], metric: str, part: str) -> None:
        found = Misspecified(rows, metric)
        if not found.grids:
            raise ReportError(f"no row of {self.suite} says its true ratio.")
        costs, *sheets = found.sheets()
        self._sheet(costs)
        for of_set in dict.fromkeys(name for name, _ in found.grids):
            slug = re.sub(r"[^\w.-]+", "_", of_set)
            path = self.output / f"{self.name}{part}_{slug}_{metric}.png"
            self.pictures.append(found.plot(of_set, path))
            self._add(f"![{METRICS[metric]} on {of_set} by true and assumed ratio]({path.name})")
        for sheet in sheets:
            self._sheet(sheet)

    def _sheet(self, sheet: Sheet) -> None:
        self.sheets.append((sheet, self.subject))
        self._add(f"### {sheet.title[0].upper()}{sheet.title[1:]}", sheet.markdown())

    def _add(self, *paragraphs: str) -> None:
        self.body += [paragraph.rstrip("\n") + "\n" for paragraph in paragraphs]


def _value(row: Row, metric: str) -> float:
    value = row.get(metric)
    return np.nan if value is None or row.get("error") else float(value)
