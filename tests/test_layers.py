"""Imports go downward only: the picture of the architecture page, read off the source."""

import ast
from pathlib import Path

import pytest

import lofe_sklearn

ROOT = Path(lofe_sklearn.__file__).parent

# From the bottom up; a module may import from its own layer's folder and from those below it.
LAYERS = [
    ["exceptions", "_lazy", "_types"],
    ["engine"],
    ["_containers", "_validation", "_progress"],
    ["_known_labels", "metrics", "datasets"],
    ["backbones", "model_selection"],
    ["_loe"],
    ["_fit_many"],
    ["_search"],
    ["active", "testing", "adapters", "features"],
    ["__init__"],
    ["_demo"],
    ["__main__"],
]
HEIGHT = {room: height for height, rooms in enumerate(LAYERS) for room in rooms}
SOURCES = sorted(ROOT.rglob("*.py"))


def room_of(path):
    return path.relative_to(ROOT).with_suffix("").parts[0]


def imported_rooms(path):
    """Rooms of the package that a file imports, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [node.module or ""]
            if node.module == "lofe_sklearn":
                names = [f"lofe_sklearn.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            root, *rest = name.split(".")
            if root == "lofe_sklearn":
                room = rest[0] if rest else "__init__"
                yield room if room in HEIGHT else "__init__"


def test_every_file_has_a_room():
    assert {room_of(path) for path in SOURCES} == set(HEIGHT)


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_downward(path):
    room = room_of(path)
    upward = [
        other for other in imported_rooms(path) if other != room and HEIGHT[other] >= HEIGHT[room]
    ]
    assert not upward, f"{path.relative_to(ROOT)} imports from {upward}"


def test_the_engine_knows_nothing_of_scikit_learn():
    for path in (ROOT / "engine").glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        modules = [n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
        modules += [a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names]
        assert not [m for m in modules if m.split(".")[0] == "sklearn"], path
