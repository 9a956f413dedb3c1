"""``import lofe_sklearn`` is quick, and everything is there nonetheless."""

import json
import pickle
import subprocess
import sys
import time
from pathlib import Path

import pytest

import lofe_sklearn
from lofe_sklearn import _lazy, backbones

ROOT = Path(lofe_sklearn.__file__).parents[1]
SLOW = ("torch", "numpy", "scipy", "sklearn", "joblib", "rich")
SUBPACKAGES = (
    *("active", "adapters", "backbones", "datasets", "engine", "exceptions", "features"),
    "images",
    *("inspection", "metrics", "model_selection", "rules", "tabular", "testing"),
)


def run(*arguments, check=True):
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=check
    )


def loaded_by(code):
    """Top-level packages that `code` loads in a fresh interpreter."""
    shown = run("-c", f"{code}\nimport json, sys; print(json.dumps(list(sys.modules)))").stdout
    return set(json.loads(shown.splitlines()[-1]))


def test_the_import_loads_nothing_slow():
    before = loaded_by("")
    loaded = loaded_by("import lofe_sklearn; dir(lofe_sklearn)")
    assert not loaded.intersection(SLOW)
    assert len(loaded - before) < 100


@pytest.mark.parametrize("name", SUBPACKAGES)
def test_subpackages_are_there_after_the_import(name):
    module = getattr(lofe_sklearn, name)
    assert module is sys.modules[f"lofe_sklearn.{name}"]
    assert name in dir(lofe_sklearn)


def test_a_subpackage_loads_only_what_it_needs():
    loaded = loaded_by("import lofe_sklearn; lofe_sklearn.metrics.roc_auc")
    assert "sklearn.metrics" in loaded
    assert not loaded & {"torch", "sklearn.ensemble", "lofe_sklearn.backbones"}


def test_a_star_import_has_all_names_and_no_others():
    names = {}
    exec("from lofe_sklearn import *", names)
    del names["__builtins__"]
    assert set(names) == set(lofe_sklearn.__all__)
    assert {"LOE", "LOESearchCV", "NeuTraL", "fit_many", "TrainingDivergedError"} <= set(names)


@pytest.mark.slow
def test_without_docstrings_and_assertions():
    code = "from lofe_sklearn import *; print(LOE(GOAD()), metrics.roc_auc)"
    assert "LOE(estimator=GOAD())" in run("-OO", "-c", code).stdout


def test_every_exported_name_is_there():
    for package in (lofe_sklearn, backbones, lofe_sklearn.adapters):
        for name in dir(package):
            assert getattr(package, name, None) is not None or name == "__cached__", name


def test_a_backbone_is_exported_by_one_line():
    listed = set(_lazy.exports("backbones/_all_backbones.pyi"))
    assert listed == {
        name
        for name in backbones.__all__
        if isinstance(getattr(backbones, name), type)
        and issubclass(getattr(backbones, name), backbones.Backbone)
    } - {"Backbone"}
    for name in listed:
        assert getattr(lofe_sklearn, name) is getattr(backbones, name)


@pytest.mark.parametrize(
    ("module", "name", "close"),
    [
        (lofe_sklearn, "Neutral", "NeuTraL"),
        (lofe_sklearn, "loe", "LOE"),
        (lofe_sklearn, "dataset", "datasets"),
        (backbones, "energy_loss", "energy_losses"),
    ],
)
def test_a_name_that_is_not_there_brings_the_closest_to_mind(module, name, close):
    message = f"module '{module.__name__}' has no attribute '{name}'. Did you mean '{close}'?"
    with pytest.raises(AttributeError) as raised:
        getattr(module, name)
    assert str(raised.value) == message


@pytest.mark.parametrize("name", ["qqqq", "__wrapped__", "_private"])
def test_a_name_like_no_other(name):
    assert not hasattr(lofe_sklearn, name)
    with pytest.raises(AttributeError, match=f"has no attribute '{name}'$"):
        getattr(lofe_sklearn, name)


@pytest.mark.slow
def test_what_was_pickled_is_read_by_a_fresh_interpreter(tmp_path):
    file = tmp_path / "detector.pickle"
    file.write_bytes(pickle.dumps(lofe_sklearn.LOE(backbones.GOAD(), random_state=1)))
    code = f"import pickle; print(pickle.load(open({str(file)!r}, 'rb')))"
    assert "LOE(estimator=GOAD(), random_state=1)" in run("-c", code).stdout


def test_the_stubs_are_packaged():
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    assert '"py.typed", "*.pyi", "*/*.pyi"' in text
    depths = {len(p.relative_to(ROOT).parts) for p in (ROOT / "lofe_sklearn").rglob("*.pyi")}
    assert depths <= {2, 3}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--version"], lofe_sklearn.__version__),
        (["--help"], "Train on a file"),
        (["demo", "--help"], "NeuTraL"),
        (["demo", "--seeds", "0"], ""),
    ],
)
def test_the_command_line_answers_at_once(arguments, expected):
    run("-m", "lofe_sklearn", *arguments, check=False)  # compiles what is not compiled yet
    start = time.perf_counter()
    finished = run("-X", "importtime", "-m", "lofe_sklearn", *arguments, check=False)
    seconds = time.perf_counter() - start
    assert expected in finished.stdout
    assert not any(f" {name}\n" in finished.stderr for name in SLOW)
    assert seconds < 2  # a tenth of a second, on a machine that is not busy
