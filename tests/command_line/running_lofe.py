"""Fixtures: files of transactions, and a model that `lofe fit` makes of them in a moment.

It is a plugin and no conftest.py, since tests of other folders import from the one above.
"""

import re

import pytest

pytest.importorskip("typer", reason="typer is not installed")
pytest.importorskip("skrub", reason="skrub is not installed")

from typer.testing import CliRunner

from lofe_sklearn import LOE, DeepSVDD
from lofe_sklearn._command_line import _fit_command
from lofe_sklearn._command_line._program import program
from lofe_sklearn.datasets import make_transactions
from lofe_sklearn.tabular import table_pipeline

CODES = {0, 1, 2, 3, 4, 5, 6, 130, 141}


def small_model(contamination, seed, held_out_folds=None):
    """What `lofe fit` trains, with less training."""
    backbone = DeepSVDD(max_epochs=2)
    return table_pipeline(
        LOE(
            backbone,
            contamination=contamination,
            n_estimators=2,
            held_out_folds=held_out_folds,
            random_state=seed,
        )
    )


@pytest.fixture
def lofe(monkeypatch):
    """Run the program in this process, and check that errors are one line and no traceback."""
    monkeypatch.setattr(_fit_command, "new_model", small_model)

    def run(*arguments):
        result = CliRunner().invoke(program, list(map(str, arguments)), prog_name="lofe")
        assert result.exit_code in CODES - {1}, (result.stderr, result.exception)
        assert "Traceback" not in result.output
        if result.exit_code not in (0, 2):
            errors = [line for line in result.stderr.splitlines() if "note: " not in line]
            assert re.match("lofe: ", errors[-1])
        return result

    return run


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A folder with the transactions of two days, as CSV, and the labels of the first."""
    path = tmp_path_factory.mktemp("files")
    today, y = make_transactions(300, contamination=0.03, random_state=0)
    tomorrow, _ = make_transactions(120, random_state=1)
    today.to_csv(path / "today.csv", index=False)
    today.assign(label=y.mask(y.index % 2 == 0).map({0: "normal", 1: "anomaly"})).to_csv(
        path / "labelled.csv", index=False
    )
    tomorrow.to_csv(path / "tomorrow.csv", index=False)
    return path


@pytest.fixture(scope="session")
def model(folder):
    """A model of the first day, as `lofe fit` saves it, and what it wrote beside it."""
    path = folder / "today.lofe"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_fit_command, "new_model", small_model)
        result = CliRunner().invoke(
            program,
            ["fit", str(folder / "today.csv"), "--model", str(path), "--top", "5"]
            + ["--id", "transaction_id", "--output", str(folder / "today_scores.csv")]
            + ["--report", str(folder / "today.html")],
        )
    assert result.exit_code == 0, result.output
    (folder / "printed.txt").write_text(result.stdout)
    (folder / "notes.txt").write_text(result.stderr)
    return path
