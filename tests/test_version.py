"""The version is written in some places, which agree; show_versions."""

import tomllib
from importlib import metadata
from pathlib import Path

import lofe_sklearn


def test_the_version_is_that_of_the_project():
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    assert lofe_sklearn.__version__ == project["version"]


def test_the_citation_has_the_version():
    citation = (Path(__file__).parents[1] / "CITATION.cff").read_text()
    assert f"version: {lofe_sklearn.__version__}\n" in citation


def test_show_versions(capsys):
    lofe_sklearn.show_versions()
    shown = dict(line.split(":", 1) for line in capsys.readouterr().out.splitlines())
    assert shown["lofe_sklearn"].strip() == lofe_sklearn.__version__
    assert shown["scikit-learn"].strip() == metadata.version("scikit-learn")
    assert shown["devices"].strip().startswith("cpu (")
