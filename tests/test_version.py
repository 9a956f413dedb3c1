"""The version is written in some places, which agree; show_versions."""

import tomllib
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

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


def test_show_versions_names_the_packages_of_all_extras(capsys):
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    listed = {
        Requirement(each).name
        for extra, packages in extras.items()
        if extra not in ("docs", "test", "lint")
        for each in packages
    }
    lofe_sklearn.show_versions()
    shown = {line.split(":", 1)[0] for line in capsys.readouterr().out.splitlines()}
    # Files that the sources of rows read; both belong to no extra.
    assert (listed - {"lofe-sklearn"}) | {"h5py", "zarr"} <= shown
