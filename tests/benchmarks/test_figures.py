"""Pictures of the benchmark page: each is drawn from the rows on file, and by a command."""

import re
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from benchmarks import looks
from benchmarks.__main__ import FIGURES, main
from benchmarks.figures import DRAWINGS
from benchmarks.studies import STUDIES
from benchmarks.studies.nothing_chosen import behind, factors_between_seeds

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs" / "benchmarks").glob("*.md"))


@pytest.mark.parametrize("name", FIGURES)
def test_a_picture_of_the_rows_on_file(name, tmp_path, capsys):
    file = tmp_path / "folder" / f"{name}.png"
    assert main(["figure", name, str(file)]) == 0
    assert str(file) in capsys.readouterr().out
    assert file.stat().st_size > 10_000


def test_every_picture_can_be_asked_for():
    assert set(FIGURES) == set(DRAWINGS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_of_a_page_name_what_there_is(page):
    text = page.read_text(encoding="utf-8")
    assert set(re.findall(r"benchmarks study ([a-z][a-z-]*)", text)) <= set(STUDIES)
    assert set(re.findall(r"benchmarks figure ([a-z][a-z-]*)", text)) <= set(FIGURES)
    for picture in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text):
        assert (page.parent / picture).is_file()
    for included in re.findall(r"```\{include\} (\S+)", text):
        assert (page.parent / included).is_file()


def test_every_study_and_report_has_a_page():
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    kept = {name for name, study in STUDIES.items() if study.is_kept}
    assert kept == {name for name in kept if re.search(rf"benchmarks study {name}\b", text)}
    reports = {path.name for path in (ROOT / "benchmarks" / "results").glob("*.md")}
    assert reports == set(re.findall(r"\{include\} ../../benchmarks/results/(\S+)", text))


def test_a_set_is_lost_where_the_best_peer_is_far_ahead():
    values = {"LOE": (0.5, 0.9), "KNN 5": (0.7, 0.94), "LOF": (0.6, 0.1), "rank mean": (1, 1)}
    rows = [
        {"dataset": name, "detector": detector, "roc_auc": value}
        for detector, of_detector in values.items()
        for name, value in zip("ab", of_detector, strict=True)
    ]
    assert behind(rows) == [("a", 0.5, "KNN 5", 0.7)]


def test_ratios_of_other_seeds():
    rows = [
        {"situation": "own", "dataset": name, "found_ratio": ratio}
        for name, ratio in [("a", 0.02), ("b", 0.04), ("a", 0.05), ("b", 0.03), ("c", 0.1)]
    ]
    assert factors_between_seeds(rows) == pytest.approx([2.5, 4 / 3])


def test_bars_have_their_figures():
    axis = Figure().subplots()
    looks.bars(axis, ["ours", "theirs", "none"], [0.5, 0.25, float("nan")], "ours", digits=2)
    assert [text.get_text() for text in axis.texts] == [".50", ".25", "not run"]
    assert axis.patches[0].get_facecolor() != axis.patches[1].get_facecolor()
