"""Imports go downward only: the picture of the architecture page, read off the source."""

import ast
from collections import Counter
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import lofe_sklearn

ROOT = Path(lofe_sklearn.__file__).parent

# From the bottom up; a module may import from its own layer's folder and from those below it.
LAYERS = [
    ["exceptions", "_lazy", "_types", "_config", "_kinds_of_values", "_tensors"]
    + ["_errors_of_others"],
    ["engine"],
    ["_all_or_nothing", "_quiet", "_containers", "_nested_parameters", "_validation", "_progress"]
    + ["sources"],
    ["_not_rows", "_row_numbers", "_take_rows"],
    ["_bad_rows"],
    ["_versions", "_notebook", "_no_classes"],
    ["_reasons"],
    ["_conformal", "_cut", "_known_labels", "_missing_codes", "_prepared_rows"],
    ["_standing"],
    ["_thresholds"],
    ["_detectors"],
    ["_any_detector"],
    ["metrics", "datasets", "inspection", "rules"],
    ["_training"],
    ["backbones", "model_selection"],
    ["_loe"],
    ["_fit_many"],
    ["_search"],
    ["active", "testing", "adapters", "features", "tabular", "plotting"],
    ["images"],
    ["_saving", "_show_versions"],
    ["_onnx", "distributed"],
    ["__init__"],
    ["_demo"],
    ["_command_line"],
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


def imported_modules(path):
    """Modules of the package that a file imports, also inside functions and for type checking."""
    modules = {module_name(source) for source in SOURCES}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            # `from package import module` is an import of the module.
            found = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in modules else node.module for name in found]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        yield from (name for name in names if name in modules)


def module_name(path):
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_no_file_imports_itself_through_others():
    graph = {module_name(path): set(imported_modules(path)) for path in SOURCES}
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(f"a circle of imports: {' <- '.join(error.args[1])}")


def test_no_two_neighbouring_files_have_one_name():
    names = Counter(
        path.name for path in SOURCES if path.name not in {"__init__.py", "__main__.py"}
    )
    assert not [name for name, count in names.items() if count > 1]


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_are_short(path):
    n_lines = len(path.read_text(encoding="utf-8").splitlines())
    assert n_lines <= 350, f"{path.relative_to(ROOT)} has {n_lines} lines: is it one thing?"
