"""Each block of Python on the pages of large data is run, as a doctest or by a test."""

import re
from pathlib import Path

import pytest
from recipes import PAGE

BLOCK = re.compile(r"(?:<!-- recipe: (\S+) -->\n+)?```python\n(.*?)```", re.S)
HERE = Path(__file__).parent


@pytest.mark.parametrize("page", ["large_data.md", "several_machines.md", "streams.md"])
def test_every_recipe_is_executed(page):
    blocks = BLOCK.findall((PAGE.parent / page).read_text(encoding="utf-8"))
    tests = "".join(path.read_text(encoding="utf-8") for path in HERE.glob("test_*.py"))
    assert blocks
    for name, code in blocks:
        if name:
            assert re.search(rf'\b(?:run|recipe)\("{name}"', tests), f"no test runs recipe {name}"
        else:
            assert code.startswith(">>> "), f"{page} has code that is never run:\n{code}"
        assert "+SKIP" not in code
