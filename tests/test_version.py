"""The version is written in two places, which agree."""

import tomllib
from pathlib import Path

import lofe_sklearn


def test_the_version_is_that_of_the_project():
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    assert lofe_sklearn.__version__ == project["version"]
