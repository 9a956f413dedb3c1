"""Each answer of the page "Questions of newcomers" is at most two clicks from the landing page."""

import re
from pathlib import Path

import pytest

import lofe_sklearn

DOCS = Path(lofe_sklearn.__file__).parents[1] / "docs"
PAGE = DOCS / "development" / "newcomers_questions.md"
LANDING = DOCS / "index.md"
pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="the documentation is not here")


def questions():
    """Return the clicks to the answer of each question, as files."""
    rows = [line.split("|")[1:-1] for line in PAGE.read_text("utf-8").splitlines() if "](" in line]
    return {
        question.strip(): [
            (PAGE.parent / target).resolve() for target in re.findall(r"\]\((.+?)\)", clicks)
        ]
        for question, _, clicks in rows
    }


def links(page):
    """Return the files that a page links to: in its text, on cards and in lists of contents."""
    text = page.read_text("utf-8")
    found = re.findall(r"\]\(([^)#\s]+)", text) + re.findall(r"^:link: (\S+)", text, re.M)
    for block in re.findall(r"```\{toctree\}\n(.*?)```", text, re.S):
        found += re.findall(r"^(?:.*<)?([\w/.]+)>?$", block, re.M)
    return {(page.parent / f"{name.removesuffix('.md')}.md").resolve() for name in found}


def test_the_page_has_ten_questions_or_more():
    assert len(questions()) >= 10


@pytest.mark.parametrize("question", questions() if PAGE.exists() else [])
def test_two_clicks_lead_to_the_answer(question):
    clicks = questions()[question]
    assert 1 <= len(clicks) <= 2
    for page, following in zip([LANDING, *clicks], clicks, strict=False):
        assert following.is_file()
        assert following in links(page), f"{page.name} does not link to {following.name}"
