"""The report: one page without anything from elsewhere, whatever the file holds."""

import os
import re
import warnings
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from lofe_sklearn._command_line._exits import CannotWrite
from lofe_sklearn._command_line._report_page import _columns, write_report
from lofe_sklearn._command_line._report_pictures import score_histogram
from lofe_sklearn.tabular import TableFeatures

pytest_plugins = ["running_lofe"]

VOID = {"meta", "br", "hr", "img", "link", "input"}


class Page(HTMLParser):
    """Checks that tags are closed in order, and keeps names, attributes and text."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.text = [], set(), [], ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.attributes += attributes
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.add(tag)
        self.attributes += attributes

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def report(model, folder):
    return (folder / "today.html").read_text()


def test_the_page_holds_all_that_it_shows(report):
    page = Page(report)
    assert {"script", "link", "img", "iframe", "object"}.isdisjoint(page.tags)
    assert {"src", "href"}.isdisjoint(name for name, _ in page.attributes)
    assert "url(" not in report
    assert "@import" not in report
    assert "prefers-color-scheme: dark" in report


def test_the_page_says_what_was_found_and_on_what_it_rests(report):
    text = " ".join(Page(report).text.split())
    for words in (
        *("Rows to look at", "Scores of all rows", "Share of anomalies", "Columns as read"),
        *("300", "an assumption: anomalies are rare, 3 % or so", "agreement: detectors"),
        *("dropped: one value only", "truth value", "scikit-learn", "seed 0", "T000"),
    ):
        assert words in text
    assert report.count("<svg") == 2


def test_missing_values_of_each_column_are_counted(report, folder):
    missing = pd.read_csv(folder / "today.csv")["category"].isna().sum()
    assert re.search(rf"<td>category</td><td>text</td><td class=\"n\">{missing}</td>", report)


def test_what_the_file_holds_is_text_in_the_page(lofe, tmp_path):
    evil = "<script>alert(1)</script>"
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"n": rng.normal(size=60), evil: ["<b>x</b>", "\"'&"] * 30})
    table["id<i>"] = [f"<u>{i}" for i in range(60)]
    table.to_csv(tmp_path / "a<b>.csv", index=False)
    result = lofe("fit", tmp_path / "a<b>.csv", "--id", "id<i>", "--report", tmp_path / "r.html")
    assert result.exit_code == 0
    page = Page((tmp_path / "r.html").read_text())
    assert {"script", "u"}.isdisjoint(page.tags)
    assert evil in page.text


@pytest.mark.parametrize(
    "scores",
    [np.zeros(5), np.array([1.0, 1.0 + 1e-14]), np.r_[np.zeros(9999), 1e6], np.arange(3.0)],
    ids=["equal", "nearly equal", "one far out", "three"],
)
def test_the_histogram_counts_each_row_once(scores):
    picture = score_histogram(
        scores, float(scores.max()), (float(scores.min()), float(scores.max()))
    )
    Page(picture)
    counts = re.findall(r"<title>([\d,]+) rows", picture)
    assert sum(int(count.replace(",", "")) for count in counts) == len(scores)
    assert "nan" not in picture


def test_columns_are_shown_as_the_file_has_them_and_counted_as_they_are_read():
    n = 50
    frame = pd.DataFrame(
        {
            "size": np.arange(n) ** 1.5,
            "start": [f"{8 + i % 9:02}:30" for i in range(n)],
            "price": [f"{100 + i} €" for i in range(n)],
            "quarter": [f"{1990 + i // 4}q{1 + i % 4}" for i in range(n)],
            "year": [*map(str, range(1900, 1900 + n - 4)), *["?", " ?", ".", "unknown"]],
            "colour": [*["red", "blue"] * (n // 2 - 1), "?", None],
        }
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        features = TableFeatures(keep=["year"]).fit(frame)
    page = _columns(SimpleNamespace(model=[features], frame=frame))
    rows = [re.findall("<td[^>]*>(.*?)</td>", row) for row in page.split("<tr>")[2:]]
    shown = {name: (int(missing), typical) for name, _, missing, _, typical in rows}
    assert shown["start"] == (0, "12:30")
    assert shown["price"] == (0, "124 €")
    assert shown["quarter"] == (0, "1996q1")
    assert shown["year"] == (4, "1922")
    assert shown["colour"] == (2, "red")


def test_zero_on_the_axis_of_scores_has_no_sign():
    picture = score_histogram(np.linspace(-0.4, 5, 100), 4.0, (3.0, 4.5))
    assert ">0</text>" in picture
    assert ">-0</text>" not in picture


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs Linux")
def test_a_report_that_cannot_be_written_is_an_error_of_lofe():
    with pytest.raises(CannotWrite, match="/dev/full could not be written: No space left"):
        write_report(Path("/dev/full"), "<html>")
