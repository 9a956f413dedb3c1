"""The first lines of docstrings, which the tables of the reference show."""

import re
from importlib import import_module
from inspect import getdoc
from pathlib import Path

import pytest

REFERENCE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "api.rst"


def _listed():
    module = None
    for line in REFERENCE.read_text(encoding="utf-8").splitlines():
        if line.startswith(".. currentmodule::"):
            module = line.split()[-1]
        elif re.fullmatch(r"   \w+", line):
            yield module, line.strip()


@pytest.mark.parametrize(("module", "name"), list(_listed()))
def test_a_summary_is_one_line_without_citations(module, name):
    if name == "PyODDetector":
        pytest.importorskip("pyod")
    summary, *rest = getdoc(getattr(import_module(module), name)).splitlines()
    assert summary.endswith("."), summary
    assert not rest or rest[0] == ""
    # numpydoc turns [1]_ into a key such as [Rc5e8a80e56e8-1].
    assert not re.search(r"\[\d+\]_", summary), summary
