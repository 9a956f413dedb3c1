"""The runner: every fit becomes one row, whatever happens in between."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from benchmarks import __main__ as cli
from benchmarks import detectors, fits, runner, sets
from benchmarks.fits import Fit
from benchmarks.ledger import identity, read
from benchmarks.peers.detectors import PEERS
from benchmarks.suites import LARGE, SUITES
from lofe_sklearn import LOE, DeepSVDD
from lofe_sklearn.datasets import loe_tabular_split
from lofe_sklearn.metrics import f1_at_true_ratio

ROOT = Path(__file__).parents[2]
SHORT = ["--params", "max_epochs=3"]


@pytest.fixture
def data(tmp_path, contaminated):
    X, y = contaminated
    path = tmp_path / "blobs.npz"
    np.savez(path, X=X, y=y)
    return path


def call(*arguments):
    return cli.main([str(argument) for argument in arguments])


def arguments(data, output, *more):
    return (
        *("run", "paper-tabular", "--sets", data, "--detectors", "DeepSVDD", "--seeds", "2"),
        *("--output", output, *SHORT, *more),
    )


def test_a_row_for_each_fit(data, tmp_path):
    output = tmp_path / "out.jsonl"
    assert call(*arguments(data, output)) == 0
    rows = read([output])
    assert {(row["method"], row["seed"]) for row in rows} == {
        (method, seed) for method in ("blind", "refine", "hard", "soft") for seed in (0, 1)
    }
    for row in rows:
        assert row["error"] == ""
        assert 0 <= row["f1"] <= 1
        assert row["stack_size"] == 8
        assert row["peak_rss_mb"] > 50
        assert row["command"].startswith("python -m benchmarks run paper-tabular")
        assert row["params"] == {"max_epochs": 3}
        assert row["torch"]
        assert row["processor"]
        assert row["time"]


def test_a_row_says_what_a_single_fit_does(data, tmp_path):
    call(*arguments(data, tmp_path / "out.jsonl"))
    X, y = sets.load(f"file:{data}")
    for row in read([tmp_path / "out.jsonl"]):
        X_train, X_test, _, y_test = loe_tabular_split(X, y, random_state=row["seed"])
        alone = LOE(
            DeepSVDD(max_epochs=3),
            method=row["method"],
            contamination=0.1,
            random_state=row["seed"],
            init=None,
            label_update="batch",
            warmup_epochs=2,
        ).fit(X_train)
        f1 = f1_at_true_ratio(y_test, alone.score_samples(X_test))
        assert row["f1"] == pytest.approx(f1, abs=1e-5)


def test_what_is_done_is_not_done_again(data, tmp_path, monkeypatch):
    output = tmp_path / "out.jsonl"
    call(*arguments(data, output, "--methods", "hard"))
    done = []
    run = fits.run
    monkeypatch.setattr(
        fits, "run", lambda group, command: done.extend(group) or run(group, command)
    )
    assert call(*arguments(data, output, "--methods", "hard", "soft")) == 0
    assert {fit.method for fit in done} == {"soft"}
    assert len(read([output])) == 4
    assert call(*arguments(data, output, "--methods", "hard", "soft")) == 0
    assert len(done) == 2


@pytest.mark.slow
def test_workers_find_the_same(data, tmp_path):
    call(*arguments(data, tmp_path / "one.jsonl", "--stack", "2"))
    call(*arguments(data, tmp_path / "two.jsonl", "--stack", "2", "--jobs", "2"))
    one, two = (
        {identity(row): row["roc_auc"] for row in read([tmp_path / name])}
        for name in ("one.jsonl", "two.jsonl")
    )
    assert one == two


def test_a_failing_fit_is_a_row_with_its_error(data, tmp_path, capsys):
    output = tmp_path / "out.jsonl"
    bad = ("--params", "max_epochs=0")
    assert call(*arguments(data, output, "--methods", "hard", *bad)) == 1
    rows = read([output])
    assert len(rows) == 2
    for row in rows:
        assert "max_epochs" in row["error"]
        assert row["f1"] is None
    assert "failed" in capsys.readouterr().err
    # It is finished, and done again only on demand.
    size = output.stat().st_size
    call(*arguments(data, output, "--methods", "hard", *bad))
    assert output.stat().st_size == size
    call(*arguments(data, output, "--methods", "hard", *bad, "--retry-errors"))
    assert output.stat().st_size > size
    assert len(read([output])) == 2


def test_one_bad_fit_leaves_the_others_of_its_stack(contaminated, tmp_path):
    X, y = contaminated
    path = tmp_path / "blobs.npz"
    np.savez(path, X=X, y=y)
    good = Fit("s", "loe_tabular", f"file:{path}", None, "DeepSVDD", "hard", "paper",
               {"max_epochs": 3}, 0.1, 0.1, 0)  # fmt: skip
    bad = Fit(**(asdict(good) | {"assumed_ratio": 0.9}))
    rows = fits.run([good, bad], "command")
    assert rows[0]["error"] == ""
    assert "contamination" in rows[1]["error"]


@pytest.mark.slow
@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_run_goes_on_where_it_stopped(data, tmp_path, sign):
    output = tmp_path / "out.jsonl"
    command = [
        *(sys.executable, "-m", "benchmarks"),
        *map(str, arguments(data, output, "--stack", "1", "--seeds", "6")),
    ]
    command[command.index("max_epochs=3")] = "max_epochs=60"
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not output.exists() or output.read_bytes().count(b"\n") < 4:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(sign)
    status = process.wait(timeout=60)
    assert status == (130 if sign is signal.SIGINT else -signal.SIGKILL)
    before = [json.loads(line) for line in output.read_bytes().splitlines(keepends=True)[1:]
              if line.endswith(b"\n")]  # fmt: skip
    assert 3 <= len(before) < 24
    subprocess.run(command, cwd=ROOT, env=environment, check=True, stderr=subprocess.DEVNULL)
    rows = [json.loads(line) for line in output.read_text().splitlines()[1:]]
    assert rows[: len(before)] == before
    assert len(rows) == len({identity(row) for row in rows}) == 24


@pytest.mark.slow
def test_a_worker_that_dies_is_a_row(data, monkeypatch):
    fit = Fit("s", "loe_tabular", f"file:{data}", None, "tests.benchmarks.deadly:Deadly",
              true_ratio=0.1)  # fmt: skip
    ours = Fit(**(asdict(fit) | {"detector": "DeepSVDD", "method": "hard", "setting": "paper",
                                 "params": {"max_epochs": 3}, "assumed_ratio": 0.1}))  # fmt: skip
    works = [fits.Stack((fit,)), fits.Stack((ours,))]
    results = {work.fits[0].detector: rows for work, rows in runner._results(works, "command", 2)}
    assert "killed" in results[fit.detector][0]["error"]
    assert results["DeepSVDD"][0]["error"] == ""


def test_sets_by_name_pattern_and_file(data):
    default = SUITES["paper-tabular"].sets
    assert sets.choose(["thyroid"], default) == ("odds:thyroid",)
    assert sets.choose(["*thyroid"], default) == ("odds:annthyroid", "odds:thyroid")
    assert sets.choose([str(data)], default) == (f"file:{data}",)
    assert sets.choose(["adbench:6_cardio"], default) == ("adbench:6_cardio",)
    assert sets.choose(["cardio"], SUITES["adbench"].sets) == ("adbench:6_cardio",)


def test_an_unknown_set(tmp_path, capsys):
    output = tmp_path / "out.jsonl"
    assert call("run", "paper-tabular", "--sets", "tyroid", "--output", output) == 2
    message = capsys.readouterr().err
    assert "'tyroid'. Did you mean thyroid" in message
    assert not output.exists()


@pytest.mark.parametrize(
    ("name", "says"),
    [("Neutral", "NeuTraL"), ("IsolationForest", "sklearn.IsolationForest"),
     ("no_such_module:Class", "no_such_module"), ("math:pi", "no class")],
)  # fmt: skip
def test_an_unknown_detector(data, tmp_path, capsys, name, says):
    output = tmp_path / "out.jsonl"
    assert call("run", "adbench", "--sets", data, "--detectors", name, "--output", output) == 2
    assert says in capsys.readouterr().err
    assert not output.exists()


@pytest.mark.parametrize("name", [name for name in PEERS if name.startswith("sklearn.")])
def test_known_peers_are_found(name):
    detectors.check(name, {})


def test_a_peer_named_like_a_backbone_is_not_mistaken_for_it(monkeypatch):
    asked = []
    monkeypatch.setattr(detectors, "build", lambda name, *_, **__: asked.append(name))
    detectors.check("deepod.NeuTraL", {})
    assert asked == ["deepod.NeuTraL"]


def test_peers_beside_ours(data, tmp_path):
    output = tmp_path / "out.jsonl"
    names = ("sklearn.IsolationForest", "sklearn.neighbors:LocalOutlierFactor", "DeepSVDD")
    chosen = ("--methods", "hard", "--params")
    assert (
        call("run", "adbench", "--sets", data, "--detectors", *names[:2], "--output", output) == 0
    )
    assert call("run", "adbench", "--sets", data, "--detectors", names[2], *chosen, "max_epochs=3",
                "--output", output) == 0  # fmt: skip
    rows = {row["detector"]: row for row in read([output])}
    assert set(rows) == set(names)
    assert rows["sklearn.IsolationForest"]["roc_auc"] > 0.9


def test_a_set_that_is_not_there_makes_no_rows(tmp_path, capsys):
    output = tmp_path / "out.jsonl"
    assert call("run", "paper-tabular", "--sets", tmp_path / "no.npz", "--output", output) == 2
    assert "no.npz" in capsys.readouterr().err
    assert not output.exists()


def test_a_suite_runs_on_the_sets_that_are_there(data, tmp_path, monkeypatch, capsys):
    output = tmp_path / "out.jsonl"
    gone = f"file:{tmp_path / 'no.npz'}"
    suite = SUITES["adbench"].with_choices(
        sets=(f"file:{data}", gone), detectors=("sklearn.IsolationForest",), seeds=(0,)
    )
    monkeypatch.setitem(SUITES, "adbench", suite)
    assert call("run", "adbench", "--output", output) == 0
    assert f"left out, {gone}" in capsys.readouterr().err
    assert {row["dataset"] for row in read([output])} == {f"file:{data}"}


def test_a_parameter_that_no_detector_has(data, tmp_path, capsys):
    output = tmp_path / "out.jsonl"
    assert call(*arguments(data, output, "--params", "foo=1")) == 2
    assert "foo" in capsys.readouterr().err
    assert not output.exists()


@pytest.mark.parametrize("option", ["--seeds", "--jobs", "--stack"])
def test_numbers_are_one_or_more(data, tmp_path, option, capsys):
    with pytest.raises(SystemExit):
        call(*arguments(data, tmp_path / "out.jsonl", option, "0"))
    assert "1 or more" in capsys.readouterr().err


def test_subsampling_keeps_the_share_of_anomalies():
    X, y = np.arange(3000.0)[:, None], (np.arange(3000) < 900).astype(int)
    X_some, y_some = sets.subsample(X, y, 1000)
    assert len(X_some) == 1000
    assert y_some.sum() == 300
    assert len(np.unique(X_some)) == 1000
    np.testing.assert_array_equal(y_some, X_some[:, 0] < 900)
    np.testing.assert_array_equal(sets.subsample(X, y, 1000)[0], X_some)
    assert sets.subsample(X, y, 3000)[0] is X


def test_subsampling_keeps_enough_anomalies_to_score_by():
    X, y = np.zeros((5000, 1)), (np.arange(5000) < 25).astype(int)
    assert sets.subsample(X, y, 1000)[1].sum() == sets.LEAST_ANOMALIES


def test_large_sets_are_subsampled_and_said_so():
    rows = {fit.dataset: fit.max_rows for fit in SUITES["paper-tabular"].fits()}
    assert {name for name, rows in rows.items() if rows} == LARGE
    whole = SUITES["paper-tabular"].with_choices(max_rows=0)
    assert {fit.max_rows for fit in whole.fits()} == {None}


def test_misspecification_takes_every_pair_of_ratios():
    pairs = {(fit.true_ratio, fit.assumed_ratio) for fit in SUITES["misspecification"].fits()}
    assert len(pairs) == 16


def test_no_assumed_anomalies_is_blind_training(data, tmp_path):
    output = tmp_path / "out.jsonl"
    assert call(*arguments(data, output, "--ratios", "0", "--methods", "hard", "blind")) == 0
    rows = read([output])
    by_method = {}
    for row in rows:
        assert row["train_ratio"] == 0
        by_method.setdefault(row["method"], []).append(row["roc_auc"])
    assert by_method["hard"] == pytest.approx(by_method["blind"], abs=1e-4)


@pytest.mark.slow
def test_every_suite_lists_its_fits_once(capsys):
    for suite in SUITES.values():
        known = [identity(asdict(fit)) for fit in suite.fits()]
        assert len(known) == len(set(known)) > 0
    assert call("list") == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in SUITES)


@pytest.mark.slow
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_full_disk_ends_the_run_with_what_to_do(data, tmp_path, n_jobs):
    """The kernel refuses what goes beyond the largest size of a file, as a full disk does."""
    resource = pytest.importorskip("resource")
    output = tmp_path / "out.jsonl"
    more = ("--stack", "1", "--jobs", n_jobs)
    command = [sys.executable, "-B", "-m", "benchmarks", *map(str, arguments(data, output, *more))]

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))

    ended = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, preexec_fn=limit, check=False
    )
    assert ended.returncode == 2
    assert re.search(
        r"benchmarks: a row could not be written to .*out\.jsonl: .*File too large.* The rows "
        r"before it are safe; make room and start the same command again\.",
        ended.stderr,
    )
    assert "Traceback" not in ended.stderr
    finished = read([output])
    assert 1 <= len(finished) < 8
    lines = output.read_bytes()
    assert lines.endswith(b"\n")
    assert call(*arguments(data, output)) == 0  # there is room again
    assert len(read([output])) == 8
    assert output.read_bytes().startswith(lines)


def test_no_room_for_a_report(data, tmp_path, monkeypatch, capsys):
    call(*arguments(data, tmp_path / "out.jsonl"))

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("benchmarks.reports.write_report", full)
    assert call("report", tmp_path / "out.jsonl", "--output", tmp_path) == 2
    assert "No space left on device. What is finished is kept; make room" in capsys.readouterr().err


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_own_choices_of_backbones(device):
    for detector, kinds, n_members in (
        ("LOE", ["DeepSVDD", "AutoEncoder", "RealNVP"], 12),
        ("LOE.of_kinds", ["NeuTraL", "RealNVP"], 12),
    ):
        made = detectors.build_ours(detector, "", "default", {"n_estimators": 12}, 0.1, 3, device)
        assert (made.contamination, made.n_estimators, made.random_state) == (0.1, n_members, 3)
        backbones = made.estimator
        if detector == "LOE" and device == "cpu":
            assert backbones is None
            continue
        assert [type(each).__name__ for each in backbones] == kinds
        assert {each.device for each in backbones} == {device}
    assert detectors.build_ours("LOE.of_kinds", "", "default", {}, 0.1, 0, device).n_estimators == 8
