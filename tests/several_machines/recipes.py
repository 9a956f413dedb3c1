"""The code of the page 'Use several machines', as it stands there."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "how_to" / "several_machines.md"


def recipe(name):
    """Return the code that follows a mark on the page."""
    pattern = rf"<!-- recipe: {name} -->\n+```python\n(.*?)```"
    found = re.search(pattern, PAGE.read_text(encoding="utf-8"), re.S)
    assert found, f"{PAGE.name} has no recipe {name}"
    return found[1]


def run(name, **given):
    """Run a recipe as a program that starts with the given variables; return its variables."""
    given["__name__"] = "__main__"
    exec(compile(recipe(name), f"{PAGE.name}, {name}", "exec"), given)
    return given
