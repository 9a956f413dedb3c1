"""The check of words in `make lint` finds phrases, also across lines of comments and strings."""

import runpy
from pathlib import Path

import pytest

import lofe_sklearn

SCRIPT = Path(lofe_sklearn.__file__).parents[1] / "docs" / "scripts" / "check_words.py"
pytestmark = pytest.mark.skipif(not SCRIPT.exists(), reason="the documentation is not here")


@pytest.mark.parametrize(
    "text",
    [
        "Labels have a say here.",
        "In a heading:\nlabels have a\nsay here.",
        "    # Labels have a\n    # say here.",
        '        "labels have "\n        f"a say here"',
    ],
)
def test_a_phrase_is_found_with_its_line_and_remedy(text):
    [(line, phrase, instead)] = runpy.run_path(str(SCRIPT))["findings"](text)
    assert "have" in text.splitlines()[line - 1]
    assert phrase.startswith("have")
    assert phrase.endswith("say")
    assert "affect" in instead


def test_plain_words_pass():
    assert not runpy.run_path(str(SCRIPT))["findings"]("Labels decide. Without any, all count.")
