"""``python -m lofe_sklearn``, with little to train."""

import re

import numpy as np
import pytest
from conftest import slow_but

from lofe_sklearn._command_line import main as lofe
from lofe_sklearn._demo import parse, run

QUICK = ["--max-epochs", "3", "--seeds", "2", "--backbone", "DeepSVDD"]
QUICK += ["--jobs", "1"]  # no processes that have to start


def main(arguments):
    """Do the first part of the demo."""
    run(parse(arguments))


@pytest.mark.parametrize("jobs", slow_but(["1"], ["1", "2"]))
def test_the_demo_prints_a_table_and_writes_a_plot(jobs, tmp_path, capsys):
    plot = tmp_path / "scores.png"
    main([*QUICK, "--jobs", jobs, "--output", str(plot)])
    shown = capsys.readouterr().out
    assert all(word in shown for word in ("blind", "refine", "hard", "soft", "F1", "ROC AUC"))
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_own_data_and_fewer_methods(tmp_path, capsys):
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [60, 10])
    np.savez(tmp_path / "mine.npz", X=rng.normal(size=(70, 3)) + 5 * y[:, None], y=y)
    main(
        [*QUICK, "--data", str(tmp_path / "mine.npz"), "--methods", "soft", "--assumed", "0.2"]
        + ["--output", str(tmp_path / "scores.png")]
    )
    shown = capsys.readouterr().out
    assert "mine" in shown
    assert "blind" not in shown


def test_one_seed_has_no_spread(tmp_path, capsys):
    np.savez(tmp_path / "mine.npz", X=np.eye(30), y=np.repeat([0, 1], [25, 5]))
    data = ["--data", str(tmp_path / "mine.npz"), "--methods", "blind", "--seeds", "1"]
    main([*QUICK, *data, "--output", str(tmp_path / "scores")])  # no ending is added
    shown = capsys.readouterr().out
    assert re.search("1\\s+seed[^s]", shown)
    assert "±" not in shown
    assert (tmp_path / "scores").read_bytes().startswith(b"\x89PNG")


def test_a_full_disk_leaves_the_old_plot(tmp_path, capsys):
    resource = pytest.importorskip("resource")
    np.savez(tmp_path / "mine.npz", X=np.eye(30), y=np.repeat([0, 1], [25, 5]))
    plot = tmp_path / "scores.png"
    plot.write_bytes(b"old")
    arguments = [*QUICK, "--data", str(tmp_path / "mine.npz"), "--methods", "blind"]
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(SystemExit) as ended:
            lofe(["demo", *arguments, "--transactions", "0", "--output", str(plot)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert ended.value.code == 5
    assert f"{plot} could not be written" in capsys.readouterr().err
    assert plot.read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.npz", "scores.png"]


def test_help_explains_the_options(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    assert stop.value.code == 0
    shown = capsys.readouterr().out
    for option in ("data", "contamination", "methods", "backbone", "seeds", "device", "output"):
        assert f"--{option}" in shown
    assert max(map(len, shown.splitlines())) < 80


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--output", "scores.xls"], r"must end in .png, .jpg, .pdf or .svg"),
        (["--contamination", "0.9"], r"must be a number in \(0, 0.5\]; got 0.9"),
        (["--contamination", "a tenth"], r"must be a number in \(0, 0.5\]; got a tenth"),
        (["--seeds", "0"], "whole number of at least 1; got 0"),
        (["--backbone", "IForest"], "invalid choice"),
        (["--device", "cuda:99"], "device='cuda:99' is not available here"),
    ],
)
def test_bad_options(arguments, message, capsys):
    with pytest.raises(SystemExit):
        main(arguments)

    assert re.search(message, capsys.readouterr().err)


@pytest.mark.parametrize("option", ["--output", "--report"])
def test_files_that_cannot_be_written_are_refused_before_the_training(option, tmp_path, capsys):
    for target, message in (
        (tmp_path, "is a folder; give the name of a file"),
        (tmp_path / "folder" / "file", "there is no folder"),
    ):
        with pytest.raises(SystemExit) as ended:
            lofe(["demo", "--data", "no-such-set", option, str(target)])
        assert ended.value.code == 5
        assert message in " ".join(capsys.readouterr().err.split())


def test_a_plot_and_a_report_of_one_name(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        lofe(["demo", "--output", str(tmp_path / "x"), "--report", str(tmp_path / "x")])
    assert ended.value.code == 2
    assert "would write to the file of --report" in " ".join(capsys.readouterr().err.split())


def test_data_that_is_not_there(tmp_path):
    with pytest.raises(SystemExit, match="not a bundled set"):
        main(["--data", "iris"])
    np.savez(tmp_path / "x.npz", X=np.ones((3, 2)))
    with pytest.raises(SystemExit, match="y missing"):
        main(["--data", str(tmp_path / "x.npz")])
