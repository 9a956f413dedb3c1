"""The speed suite: what it measures, leaves out, keeps, and reports."""

import json
import math
import re

import numpy as np
import pytest

from benchmarks import ledger, speed
from benchmarks.speed_cell import blobs

TINY = ["--n", "300", "--d", "4", "--seconds", "0.01"]


def rows_of(path):
    return ledger.read([path])


@pytest.fixture
def no_processes(monkeypatch):
    """Figures that grow with the square of the rows, in place of measurements."""
    done = []

    def found(context, cell, limit):
        done.append((cell.name, cell.n))
        if cell.n == 666:
            raise KeyboardInterrupt
        seconds = 1e-6 * cell.n**2
        if seconds > limit:
            return {"error": f"stopped: the fit took longer than {limit:g} s", "gave_up": True}
        rate = cell.n / seconds
        figures = {"train_rows_per_second": rate, "score_rows_per_second": rate, "memory_mb": 1.0}
        return {"fit_seconds": seconds, **figures}

    monkeypatch.setattr(speed, "_in_own_process", found)
    return done


@pytest.mark.slow
def test_a_measurement_of_each_kind_in_a_process_of_its_own(tmp_path):
    output = tmp_path / "speed.jsonl"
    arguments = [*TINY, "--detectors", "DeepSVDD", "sklearn.IsolationForest", "no_such:Detector"]
    assert speed.main([*arguments, "--output", str(output)]) == 0
    deep, forest, missing = rows_of(output)
    assert deep["steps_per_epoch"] == math.ceil(300 / 128)
    assert deep["step_us"] * deep["steps_per_epoch"] == pytest.approx(
        deep["epoch_seconds"] * 1e6, rel=1e-4
    )
    assert "epoch_seconds" not in forest
    for row in (deep, forest):
        assert row["error"] is None
        assert row["train_rows_per_second"] > 0
        assert row["score_rows_per_second"] > 0
        assert row["memory_mb"] is None or 0 <= row["memory_mb"] < 500
    assert "no_such" in missing["error"]
    assert {"time", "command", "load", "processor", "limit"} <= set(missing)
    # All of it is there: nothing is measured again.
    before = output.read_bytes()
    assert speed.main([*arguments, "--output", str(output)]) == 0
    assert output.read_bytes() == before


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (["--limit", "0.05"], "stopped: the .* took longer than the limit of 0.05 s"),
        (["--memory", "1"], "more memory than the limit of 1 MB"),
    ],
)
@pytest.mark.slow
def test_what_is_over_a_limit_has_a_row_that_says_so(tmp_path, limits, message):
    output = tmp_path / "speed.jsonl"
    arguments = ["--n", "2e5", "--d", "40", "--detectors", "sklearn.IsolationForest"]
    assert speed.main([*arguments, *limits, "--output", str(output)]) == 0
    (row,) = rows_of(output)
    assert re.search(message, row["error"])


def test_what_would_take_too_long_is_not_run(tmp_path, no_processes):
    output = tmp_path / "speed.jsonl"
    arguments = ["--d", "6", "--detectors", "pyod.KNN", "--limit", "5", "--output", str(output)]
    assert speed.main(["--n", "100", "1e3", "1e4", "1e5", *arguments]) == 0
    assert no_processes == [("pyod.KNN", 100), ("pyod.KNN", 1000)]
    *_, first, second = rows_of(output)
    assert first["error"] == (
        "not run: from n=100 and n=1,000, a fit would take 100 s, longer than the limit of 5 s"
    )
    assert second["error"].startswith("not run: with n=10,000, from n=100")
    # A higher limit takes up what the lower one had left out.
    arguments[arguments.index("5")] = "200"
    assert speed.main(["--n", "100", "1e3", "1e4", "1e5", *arguments, "--retry"]) == 0
    assert no_processes[2:] == [("pyod.KNN", 10_000)]


def test_after_ctrl_c_the_same_command_goes_on(tmp_path, no_processes, capsys, monkeypatch):
    output = tmp_path / "speed.jsonl"
    arguments = ["--n", "100", "666", "--d", "6", "--detectors", "ICL", "--output", str(output)]
    assert speed.main(arguments) == 130
    assert "goes on from there" in capsys.readouterr().err.replace("\n", " ")
    assert [row["n"] for row in rows_of(output)] == [100]
    found = {"error": "RuntimeError: odd"}
    monkeypatch.setattr(speed, "_in_own_process", lambda *_: found)
    assert speed.main(arguments) == 0
    assert [row["n"] for row in rows_of(output)] == [100, 666]


def test_a_broken_result_file_is_an_error_and_stays_as_it_is(tmp_path, capsys):
    output = tmp_path / "speed.jsonl"
    output.write_text("something else\n")
    assert speed.main([*TINY, "--output", str(output)]) == 1
    assert "not a result file" in capsys.readouterr().err
    assert output.read_text() == "something else\n"


@pytest.mark.parametrize("wrong", [["--n", "0"], ["--n", "1.5"], ["--detectors", "KNN"]])
def test_wrong_arguments(wrong, capsys):
    with pytest.raises(SystemExit):
        speed.main(wrong)
    assert "error: argument" in capsys.readouterr().err


def test_blobs_are_the_same_for_a_seed_and_have_one_row_in_ten_off():
    X = blobs(5000, 6, seed=1, dtype="float32")
    assert X.dtype == np.float32
    np.testing.assert_array_equal(X, blobs(5000, 6, seed=1, dtype="float32"))
    assert not np.array_equal(X, blobs(5000, 6, seed=2, dtype="float32"))
    assert blobs(10, 3, seed=0, dtype="float64").dtype == np.float64


def test_the_report_has_every_cell_and_says_when_the_machine_was_busy(tmp_path, no_processes):
    output = tmp_path / "speed.jsonl"
    speed.main(
        ["--n", "100", "1e3", "1e4", "--d", "6", "30", "--limit", "5", "--output", str(output)]
        + ["--detectors", "ICL", "LOE", "pyod.KNN", "--repeats", "2"]
    )
    written = speed.report([output], tmp_path / "out")
    assert {path.name for path in written} == {
        *("speed.md", "speed_fit.png", "speed_scoring.png", "speed_memory.png")
    }
    text = written[0].read_text()
    assert text.count("\n| ") == 2 * (3 * 3 + 1)
    assert text.count("a fit would take 100 s") == 6
    lines = output.read_text().splitlines()
    busy = [json.dumps(json.loads(line) | {"load": 9.0}) for line in lines[1:]]
    output.write_text("\n".join([lines[0], *busy]) + "\n")
    speed.report([output], tmp_path / "out")
    assert "The machine was busy" in written[0].read_text()


def test_a_report_of_other_suites_is_an_error(tmp_path):
    with ledger.Ledger(tmp_path / "other.jsonl") as results:
        results.add({"suite": "other"})
    with pytest.raises(ledger.LedgerError, match="no rows of the speed suite"):
        speed.report([tmp_path / "other.jsonl"], tmp_path)
