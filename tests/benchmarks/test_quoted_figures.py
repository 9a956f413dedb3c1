"""Figures that pages quote are those of the rows on file."""

import re
from pathlib import Path

import numpy as np
import pytest

from benchmarks import means
from benchmarks.figures.paper_tabular import METHODS, mean_f1
from benchmarks.ledger import RESULTS, read
from benchmarks.markdown import short
from benchmarks.studies import STUDIES
from benchmarks.study import results

DOCS = Path(__file__).parents[2] / "docs"
QUOTED = {
    "nothing_chosen": ("nothing-chosen", "unseen-sets", "unlabelled", "far-values", "groups"),
    "label_rules": ("rules", "ablation", "kinds", "default-kinds"),
    "ratio": ("wrong-ratio", "unseen-labels", "choose-ratio", "label-free"),
    "probabilities": ("calibration", "false-alarms", "false-discovery"),
    "backbones": ("backbones", "options", "flow", "training-length"),
    "tables_and_reasons": ("tables", "reasons", "table-time"),
}
# Figures of three digits, of which some tables have per cent; those of two are too few to tell one
# cell from another.
FIGURE = re.compile(r"[+-]?(?<![\d.])0?\.\d{3}\b|\b1\.000\b|(?<![\d.])\d\d\.\d\b")


def page(name):
    return " ".join((DOCS / f"{name}.md").read_text(encoding="utf-8").split())


def figures(text):
    values = map(float, FIGURE.findall(text))
    return tuple(round(value / 100 if value > 1 else value, 3) for value in values)


def rows_of(name):
    return results(read([RESULTS / f"{name}.jsonl"]))


def shown_by(studies):
    """Return the figures of each line that the studies' tables have."""
    tables = (STUDIES[name].tables(rows_of(name)) for name in studies)
    return [figures(line) for table in tables for line in table.splitlines()]


def is_in(cell, lines):
    """Whether the figures of a cell stand side by side in one of the lines."""
    n = len(cell)
    return any(cell == line[i : i + n] for line in lines for i in range(len(line) - n + 1))


@pytest.mark.parametrize("name", QUOTED)
def test_cells_of_a_page_are_in_the_tables_of_its_studies(name):
    lines = shown_by(QUOTED[name])
    text = (DOCS / "benchmarks" / f"{name}.md").read_text(encoding="utf-8")
    cells = [
        figures(cell)
        for line in text.splitlines()
        if line.startswith("|")
        for cell in line.replace("*", "").strip("|").split("|")
        if ";" not in cell
    ]
    assert sum(map(bool, cells)) > 4
    assert [cell for cell in cells if cell and not is_in(cell, lines)] == []


def test_the_interval_of_the_ratio_is_as_wide_as_both_pages_say():
    situations = {"own", "0.3 %", "1 %", "5 %", "10 %"}
    ends = [
        row["interval"]
        for row in rows_of("nothing-chosen")
        if row["detector"] == "LOE" and row["situation"] in situations
    ]
    assert len(ends) == 210
    width = f"{np.median([high / low for low, high in ends]):.0f}"
    assert f"Its ends are a factor of {width} apart" in page("benchmarks/nothing_chosen")
    assert f"its upper end was {width} times its lower end" in page(
        "explanations/why_ratios_are_hard"
    )


def test_the_guide_from_an_isolation_forest_has_the_figures_of_rare_anomalies():
    rows = [row for row in rows_of("nothing-chosen") if row["situation"] == "1 %"]
    forest, ours = (
        means.over_sets([row for row in rows if row["detector"] == name], ["average_precision"])[0]
        for name in ("IsolationForest", "LOE")
    )
    text = page("how_to/from_isolation_forest")
    assert f"the better average precision, {short(forest)} against {short(ours)}" in text


def test_the_overview_has_the_false_discovery_rate_and_the_worth_of_twenty_labels():
    lines = STUDIES["false-discovery"].tables(rows_of("false-discovery"))
    found = re.search(r"\| held-out scores \| true \| \.2 \| (\.\d+)", lines)
    assert f"with the true ratio, becomes {found[1]}" in page("benchmarks/index")
    f1 = {
        n: np.mean(
            [
                row["f1"]
                for row in rows_of("known-labels")
                if row["n_labels"] == n and row.get("strategy") in (None, "diverse")
            ]
        )
        for n in (0, 20)
    }
    sentence = f"twenty raise F1 from {short(f1[0])} to {short(f1[20])}"
    assert sentence in page("benchmarks/index")


def test_the_guide_to_images_has_the_speed_and_the_memory_of_the_study():
    rows = sorted(rows_of("image-features"), key=lambda row: row["n_images"])
    speeds = [row["images_a_cpu_second"] for row in rows]
    text = page("how_to/images")
    assert f"{min(speeds):.0f} to {max(speeds):.0f} a second on one core" in text
    few, many = rows[0]["peak_mb"], rows[-1]["peak_mb"]
    assert f"{many} MB for 4,000 images, and {few} MB for 100" in text


def test_seeds_of_tables_differ_by_as_much_as_the_page_says():
    values = {}
    for row in rows_of("tables"):
        values.setdefault((row["table"], row["detector"]), []).append(row["roc_auc"])
    most = max(map(np.ptp, values.values()))
    said = f"seeds differ by up to {short(most, 2)} in ROC AUC"
    assert said in page("benchmarks/tables_and_reasons")


def test_the_picture_of_the_papers_protocol_shows_what_the_page_says():
    text = page("benchmarks/paper_tabular")
    f1 = mean_f1(read([RESULTS / "paper-tabular.jsonl"]))
    of_paper = {backbone: [f1[backbone, m] for m in METHODS] for backbone in ("NeuTraL", "ICL")}
    for backbone, (blind, refine, soft, hard) in of_paper.items():
        cells = [f"{short(ours)} ({short(theirs)})" for ours, theirs in (blind, refine, hard, soft)]
        assert f"| {backbone} | {' | '.join(cells)} |" in text.replace("**", "")
    for words in ("neighbours", "the evidence"):
        hard, _ = f1[f"NeuTraL from {words}", "hard"]
        assert short(hard) in text


def test_a_fit_of_loe_in_the_papers_protocol_takes_as_long_as_the_page_says():
    rows = read([RESULTS / "paper-tabular.jsonl"])
    seconds = np.mean([row["fit_cpu_seconds"] for row in rows if row["detector"] == "LOE"])
    text = page("benchmarks/paper_tabular")
    assert f"has .712 for {seconds:.1f} CPU seconds a fit" in text
    assert f"five seeds | .712 | 6 | 11 | {seconds:.1f} |" in text
