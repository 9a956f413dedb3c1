"""ADBench in full, and the contaminated track: what is run, read and reported."""

import numpy as np
import pytest

from benchmarks import adbench_sets, detectors
from benchmarks.__main__ import main
from benchmarks.ledger import Ledger, read
from benchmarks.looks import spread
from benchmarks.peers.detectors import NotInstalledError
from benchmarks.reports import ReportError, anchors, write_report
from benchmarks.reports.track import BLIND, KNOWN, NETWORKS, NOTHING_CHOSEN, Track
from benchmarks.sets import ADBENCH, SetError, load, those_there
from benchmarks.suites import SUITES

SHARES = (0.0, 0.1, 0.2)


@pytest.fixture
def data(tmp_path):
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=(200, 3)), 4 + rng.normal(size=(60, 3))])
    path = tmp_path / "mine.npz"
    np.savez(path, X=X, y=np.repeat([0, 1], [200, 60]))
    return path


def row(dataset, detector, value, share=None, seed=0, **others):
    given = {"suite": "contaminated", "protocol": "contaminated_one_class", "method": "",
             "params": {}, "assumed_ratio": None, "error": "", "max_rows": None,
             "time": "2026-01-02T03:04:05", "command": "python -m benchmarks run"}  # fmt: skip
    figures = dict.fromkeys(("roc_auc", "average_precision", "f1"), value)
    known = {"dataset": dataset, "detector": detector, "true_ratio": share, "seed": seed}
    return given | known | figures | others


def report(rows, folder):
    with Ledger(folder / "rows.jsonl") as ledger:
        for each in rows:
            ledger.add(each)
    written = write_report([folder / "rows.jsonl"], folder / "out")
    text = next(path for path in written if path.suffix == ".md").read_text()
    return text, {path.name for path in written}


def test_the_suites_hold_all_of_adbench():
    assert (len(adbench_sets.CLASSICAL), len(adbench_sets.EMBEDDINGS)) == (47, 74)
    assert len(set(SUITES["adbench"].sets)) == 121
    assert "adbench:14_glass" not in SUITES["contaminated"].sets
    assert "adbench:6_cardio" in SUITES["contaminated"].sets
    assert {fit.protocol for fit in SUITES["adbench"].fits()} == {"unsupervised", "one_class"}


def test_loe_is_run_in_four_ways():
    suite = SUITES["contaminated"].with_choices(sets=("a",), seeds=(0,), detectors=("LOE",))
    ways = {
        (fit.method, str(fit.params), fit.true_ratio, fit.assumed_ratio) for fit in suite.fits()
    }
    assert len(ways) == 4 * len(suite.ratios)
    assert ("", "{'n_estimators': 16}", 0.03, 0.03) in ways
    assert ("", "{}", 0.03, None) in ways
    chosen = suite.with_choices(assumed=(0.1,), params={"n_estimators": 2})
    assert {(fit.assumed_ratio, str(fit.params)) for fit in chosen.fits()} == {
        (0.1, "{'n_estimators': 2}")
    }


def test_a_set_without_a_checksum_is_read_where_it_is(tmp_path, monkeypatch, data):
    monkeypatch.setenv("LOFE_DATA", str(tmp_path))
    _, missing = those_there(["adbench:3_backdoor", "adbench:imdb", "adbench:MNIST-C_fog"])
    for name, folder in [
        ("3_backdoor", "tabular/adbench"),
        ("imdb", "embeddings/NLP_by_BERT"),
        ("MNIST-C_fog", "embeddings/CV_by_ResNet18"),
    ]:
        collection = folder.rpartition("/")[2].replace("adbench", "Classical")
        why = missing[f"adbench:{name}"]
        assert str(tmp_path / folder / f"{name}.npz") in why
        assert f"{adbench_sets.SOURCE}/{collection}/{name}.npz" in why
    place = tmp_path / "embeddings" / "NLP_by_BERT" / "imdb.npz"
    place.parent.mkdir(parents=True)
    data.rename(place)
    X, y = load("adbench:imdb")
    assert (X.shape, y.sum()) == ((260, 3), 60)
    with pytest.raises(SetError, match="no_such"):
        load("adbench:no_such")


def test_the_track_is_run_and_reported(tmp_path, data):
    output, knn = tmp_path / "track.jsonl", "sklearn.neighbors:LocalOutlierFactor"
    asked = ["run", "contaminated", "--sets", data, "--detectors", "DeepSVDD", knn, "--seeds", "2"]
    asked += ["--ratios", "0", "0.2", "--output", output]
    assert main([str(each) for each in asked]) == 0
    rows = read([output])
    assert len(rows) == 2 * 2 * (2 + 1)
    assert {row["n_test"] for row in rows} == {100 + 60 - 20}
    assert {(row["true_ratio"], row["train_ratio"]) for row in rows} == {(0.0, 0.0), (0.2, 0.2)}
    names = {path.name for path in write_report([output], tmp_path)}
    assert "contaminated.png" in names


def test_both_protocols_are_run(tmp_path, data):
    output = tmp_path / "adbench.jsonl"
    asked = ["run", "adbench", "--sets", data, "--detectors", "DeepSVDD", "--methods", "hard"]
    assert main([str(each) for each in [*asked, "--seeds", "1", "--output", output]]) == 0
    sizes = {row["protocol"]: (row["n_train"], row["n_test"]) for row in read([output])}
    assert sizes == {"unsupervised": (260, 260), "one_class": (100, 160)}


def test_a_suite_runs_the_peers_that_are_installed(tmp_path, data, monkeypatch, capsys):
    def build(name, *_, **__):
        raise NotInstalledError(f"{name}'s library is not installed: make peers")

    monkeypatch.setattr(detectors, "build", build)
    suite = SUITES["adbench"].with_choices(
        sets=(f"file:{data}",), detectors=("DeepSVDD", "pyod.KNN"), seeds=(0,)
    )
    monkeypatch.setitem(SUITES, "adbench", suite)
    output = tmp_path / "adbench.jsonl"
    assert main(["run", "adbench", "--methods", "hard", "--output", str(output)]) == 0
    assert {row["detector"] for row in read([output])} == {"DeepSVDD"}
    assert "left out, pyod.KNN: pyod.KNN's library is not installed" in capsys.readouterr().err
    # One that is asked for by name must be there.
    assert main(["run", "adbench", "--detectors", "pyod.KNN", "--output", str(output)]) == 2


def test_curves_are_means_over_the_sets_that_all_have():
    rows = [
        row(of_set, "pyod.KNN", value - share, share, seed)
        for of_set, value in [("adbench:6_cardio", 0.9), ("adbench:45_wine", 0.7)]
        for share in SHARES
        for seed in (0, 1)
    ]
    rows += [row("adbench:6_cardio", "LOE", 0.8, share) for share in SHARES]
    rows += [row("adbench:45_wine", "LOE", 0.9, share) for share in SHARES[:-1]]
    rows += [row("adbench:6_cardio", "LOE", 0.6, share, method="blind") for share in SHARES]
    track = Track(rows, "roc_auc")
    assert track.sets == ["cardio"]
    assert list(track.curves) == ["KNN (pyod)", NOTHING_CHOSEN, BLIND]
    np.testing.assert_allclose(track.curves["KNN (pyod)"], [[90, 80, 70]] * 2)
    np.testing.assert_allclose(track.curves[NOTHING_CHOSEN], [[80, 80, 80]])
    lines = track.sheet().markdown().splitlines()
    assert lines[2] == "| KNN (pyod) | **90.0** | **80.0** | 70.0 | -20.0 | 2 |"
    assert lines[3] == "| LOE() | 80.0 | **80.0** | **80.0** | +0.0 | 1 |"


def test_what_failed_too_often_does_not_cost_the_others_their_sets():
    rows = [
        row(of_set, detector, 0.5, share)
        for of_set in "abc"
        for detector in ("LOE", "pyod.KNN")
        for share in SHARES
    ]
    rows += [row("a", "pyod.PCA", 0.5, share) for share in SHARES]
    rows += [row("b", "pyod.PCA", None, share, error="ValueError: x") for share in SHARES]
    track = Track(rows, "f1")
    assert track.sets == ["a", "b", "c"]
    assert track.left_out == {"PCA (pyod)": ["b", "c"]}
    note = "Left out, as fits are missing or failed: PCA (pyod) on b, c."
    assert note in track.sheet().markdown()


def test_seen_sets_are_apart_from_others(tmp_path):
    rows = [
        row(of_set, "LOE", value, share, **way)
        for of_set, value in [(f"adbench:{ADBENCH[0]}", 0.9), ("adbench:CIFAR10_0", 0.5)]
        for share in SHARES
        for way in (
            {},
            {"params": {"evidence": None}},
            {"assumed_ratio": share, "params": {"n_estimators": 16}},
        )
    ]
    text, names = report(rows, tmp_path)
    assert "contaminated.png" in names
    assert "ROC AUC, per cent, by the share of anomalies in training: sets chosen on" in text
    assert "| LOE() | **50.0** | **50.0** | **50.0** | +0.0 | 1 |" in text
    assert {NOTHING_CHOSEN, NETWORKS, KNOWN} <= set(Track(rows, "f1").curves)


def test_a_track_without_a_whole_curve_is_an_error(tmp_path):
    rows = [row("a", "LOE", None, share, error="ValueError: x") for share in SHARES]
    rows += [row("a", "pyod.KNN", 0.5, 0.0)]
    with pytest.raises(ReportError, match="no detector has a figure at every share"):
        report(rows, tmp_path)


def test_published_figures_set_by_set(tmp_path):
    own = {"suite": "adbench", "protocol": "one_class"}
    sets = [f"adbench:{name}" for name in ("6_cardio", "45_wine", *adbench_sets.IMAGES)]
    rows = [row(of_set, "LOE", 0.5, **own) for of_set in sets if "SVHN_3" not in of_set]
    rows += [row(each["dataset"], "pyod.KNN", 0.75, **own) for each in rows]
    text, _ = report(rows, tmp_path)
    theirs = anchors.adbench("one_class", "roc_auc")
    best = max(theirs, key=lambda method: theirs[method]["cardio"])
    shown = [f"{theirs[method]['cardio']:.1f}" for method in ("IForest", "kNN", "DTE-C")]
    first = "| cardio | 50.0 | 75.0 KNN (pyod) | " + " | ".join(shown)
    assert f"{first} | {theirs[best]['cardio']:.1f} {best} |" in text
    # A family counts once, and only if it is whole.
    assert "| mvtec-ad, 15 sets | 50.0 | 75.0 KNN (pyod) |" in text
    assert "| svhn" not in text
    assert "| KNN (pyod) | **75.0** | **75.0** |" in text
    assert "| detector | chosen on (2 sets) | others (60 sets) |" in text


def test_names_are_moved_apart_in_their_order():
    heights = [1.0, 0.0, 0.05, 3.0]
    placed = spread(heights, 0.5)
    np.testing.assert_array_equal(np.argsort(placed), np.argsort(heights))
    assert np.diff(np.sort(placed)).min() == pytest.approx(0.5)
    np.testing.assert_allclose(spread([0.0, 2.0, 4.0], 1.0), [0, 2, 4])
    np.testing.assert_allclose(spread([5.0, 5.0], 1.0), [4.5, 5.5])
