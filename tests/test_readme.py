"""README.md is short, renders away from the repository, and links to pages that exist."""

import re
from pathlib import Path

import pytest

import lofe_sklearn

ROOT = Path(lofe_sklearn.__file__).parents[1]
README = ROOT / "README.md"
SITE = "https://lofe-sklearn.github.io/lofe_sklearn/"
FILES = re.compile(r"https://(?:raw\.githubusercontent|github)\.com/lofe-sklearn/lofe_sklearn/(.*)")
pytestmark = pytest.mark.skipif(
    not (README.exists() and (ROOT / "docs").exists()), reason="no checkout"
)


def targets():
    return re.findall(r"\]\(([^)]+)\)", README.read_text("utf-8"))


def test_it_is_short():
    assert len(README.read_text("utf-8").splitlines()) < 100


def test_links_are_absolute():
    """A package index shows the page elsewhere."""
    assert all(target.startswith("https://") for target in targets())


def test_links_to_this_project_exist():
    pages = [target.removeprefix(SITE) for target in targets() if target.startswith(SITE)]
    assert len(pages) > 10
    for page in pages:
        source = ROOT / "docs" / page.partition("#")[0]
        if page != "auto_examples/index.html":  # which the gallery writes
            assert any(source.with_suffix(suffix).exists() for suffix in (".md", ".rst")), page
    for path in filter(None, map(FILES.match, targets())):
        _, name = path.group(1).removeprefix("blob/").split("main/")
        assert (ROOT / name).exists(), name
