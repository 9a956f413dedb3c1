"""Studies: every cell becomes one line, whatever happens in between, and its tables are shown."""

import json
import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from benchmarks import __main__ as cli
from benchmarks.ledger import RESULTS, Ledger, read
from benchmarks.standalone import CheckoutError, run_in
from benchmarks.standalone.score_digests import PARTS, digests
from benchmarks.standalone.step_times import step_times
from benchmarks.studies import (
    STUDIES,
    digest,
    options,
    row_latency,
    search_time,
    step_time,
    table_time,
    wrong_ratio,
)
from benchmarks.study import Axis, Study, results
from lofe_sklearn import LOE, DeepSVDD

ROOT = Path(__file__).parents[2]
KEPT = [name for name, study in STUDIES.items() if study.is_kept]


def call(*arguments):
    return cli.main([str(argument) for argument in arguments])


@pytest.fixture
def done():
    """The cells that the study below has done."""
    return []


@pytest.fixture
def study(monkeypatch, done):
    """A study of nine cells, one of which fails."""

    def run(cell):
        done.append(tuple(cell.values()))
        if cell["seed"] == 1 and cell["kind"] == "b":
            raise ValueError("it cannot be done")
        for part in ("first", "second"):
            yield {"part": part, "value": cell["seed"] + 0.5}

    study = Study(
        "nothing",
        "what a study must do",
        axes={
            "seed": Axis(range(3)),
            "kind": Axis(("a", "b", None), choices=("a", "b", "c", None)),
        },
        run=run,
        tables=lambda rows: f"{len(rows)} rows, mean {np.mean([row['value'] for row in rows])}",
        figure=lambda rows, path: path.write_text(str(len(rows))),
    )
    monkeypatch.setitem(STUDIES, "nothing", study)
    return study


def test_a_line_for_each_cell(study, done, tmp_path, capsys):
    output = tmp_path / "out.jsonl"
    assert call("study", "nothing", "--output", output) == 1  # one of them fails
    assert "16 rows, mean 1.5" in capsys.readouterr().out
    lines = read([output])
    assert len(done) == len(set(done)) == len(lines) == 9
    for line in lines:
        assert line["study"] == "nothing"
        assert line["command"].startswith("python -m benchmarks study nothing")
        assert {"time", "processor", "torch", "lofe-sklearn"} <= set(line)
        assert len(line["rows"]) == (0 if line["error"] else 2)
    [failed] = [line for line in lines if line["error"]]
    assert failed["cell"] == {"seed": 1, "kind": "b"}
    assert "it cannot be done" in failed["error"]


def test_finished_cells_are_not_done_again(study, done, tmp_path):
    output = tmp_path / "out.jsonl"
    call("study", "nothing", "--seeds", "2", "--output", output)
    assert len(done) == 6
    call("study", "nothing", "--output", output)
    assert len(done) == 9
    call("study", "nothing", "--output", output, "--retry-errors")
    assert done[9:] == [(1, "b")]
    call("study", "nothing", "--output", output, "--kinds", "a", "--seeds", "1", "--again")
    assert done[10:] == [(0, "a")]
    assert len(read([output])) == 9


def test_a_run_that_was_killed_goes_on(study, done, tmp_path):
    output = tmp_path / "out.jsonl"
    call("study", "nothing", "--output", output)
    whole = output.read_bytes()
    lines = whole.splitlines(keepends=True)
    # Killed while the fifth line was written.
    output.write_bytes(b"".join(lines[:5]) + lines[5][:40])
    done.clear()
    call("study", "nothing", "--output", output)
    assert len(done) == 5
    assert output.read_bytes().startswith(b"".join(lines[:5]))
    assert len(read([output])) == 9


def test_show_does_nothing_but_show(study, done, tmp_path, capsys):
    output = tmp_path / "out.jsonl"
    call("study", "nothing", "--output", output)
    done.clear()
    figure = tmp_path / "folder" / "figure.txt"
    chosen = ("--kinds", "none", "--first-seed", "1", "--seeds", "1", "--figure", figure)
    capsys.readouterr()
    assert call("study", "nothing", "--output", output, "--show", *chosen) == 0
    assert "2 rows, mean 1.5" in capsys.readouterr().out
    assert figure.read_text() == "2"
    assert not done


def test_a_file_that_is_not_there_cannot_be_shown(study, tmp_path, capsys):
    assert call("study", "nothing", "--output", tmp_path / "no.jsonl", "--show") == 2
    assert "cannot be read" in capsys.readouterr().err


def test_values_that_no_cell_has(study, tmp_path, capsys):
    with pytest.raises(SystemExit):
        call("study", "nothing", "--kinds", "d")
    assert "invalid choice" in capsys.readouterr().err
    output = tmp_path / "out.jsonl"
    chosen = ("--protocols", "all", "--ratios", "0.1", "--output", output)
    assert call("study", "unlabelled", *chosen) == 2
    assert "no cell with all of these values" in capsys.readouterr().err
    assert not output.exists()


def test_every_study_is_listed_and_has_each_cell_once(capsys):
    assert call("list") == 0
    listed = capsys.readouterr().out
    assert call("study") == 0
    assert capsys.readouterr().out in listed
    for name, study in STUDIES.items():
        cells = [json.dumps(cell.fields, sort_keys=True) for cell in study.cells()]
        assert len(cells) == len(set(cells)) > 0
        assert name in listed
        assert study.purpose in listed


# Nothing chosen shows peers only where LOE was fitted to the same rows.
@pytest.mark.parametrize(
    ("name", "whose"),
    [("nothing-chosen", "ours"), ("unseen-sets", "ours"), ("unseen-sets", "peers")],
)
def test_the_tables_of_ours_or_of_the_peers_alone(name, whose, capsys):
    assert call("study", name, "--show", "--whose", whose) == 0
    shown = capsys.readouterr().out
    assert ("| LOE |" in shown) == (whose == "ours")
    assert ("| MCD |" in shown) == (whose == "peers")


@pytest.mark.parametrize("name", KEPT)
def test_the_tables_of_the_results_on_file(name, tmp_path, capsys):
    assert (RESULTS / f"{name}.jsonl").exists(), f"{name} has no results"
    drawn = STUDIES[name].figure and tmp_path / "figure.png"
    assert call("study", name, "--show", *(("--figure", drawn) if drawn else ())) == 0
    shown = capsys.readouterr().out
    assert len(re.findall(r"\.\d|\d,\d{3}|\d\d", shown)) > 3
    assert not re.search(r"\bnan\b", shown)
    if drawn:
        assert drawn.stat().st_size > 10_000


@pytest.mark.parametrize("name", KEPT)
def test_the_results_on_file_are_of_the_study(name):
    lines = read([RESULTS / f"{name}.jsonl"])
    known = {json.dumps(cell.fields, sort_keys=True) for cell in STUDIES[name].cells()}
    on_file = {json.dumps(line["cell"], sort_keys=True) for line in lines}
    assert known <= on_file, "the default run is not all on file"
    for line in lines:
        assert line["study"] == name
        assert list(line["cell"]) == list(STUDIES[name].axes)
        assert line["rows"] or line["error"]
        assert line["torch"]
        assert line["processor"]


def test_every_result_file_has_a_suite_or_a_study():
    assert not list(RESULTS.glob("*.csv"))
    for path in RESULTS.glob("*.jsonl"):
        row = read([path])[0]
        assert row.get("study") in STUDIES or row["suite"]


@pytest.mark.slow
def test_a_study_on_a_set_of_ones_own(contaminated, tmp_path):
    X, y = contaminated
    np.savez(tmp_path / "mine.npz", X=X, y=y)
    output = tmp_path / "out.jsonl"
    chosen = ("--sets", tmp_path / "mine.npz", "--detectors", "KNN", "LOF", "--seeds", "1")
    assert call("study", "unlabelled", *chosen, "--output", output, "--jobs", "2") == 0
    rows = results(read([output]))
    assert {(row["protocol"], row["detector"]) for row in rows} == {
        (protocol, detector) for protocol in ("all", "paper") for detector in ("KNN", "LOF")
    }
    assert all(row["roc_auc"] > 0.9 for row in rows if row["detector"] == "KNN")


def test_a_comparison_of_options(contaminated, tmp_path, monkeypatch, capsys):
    X, y = contaminated
    np.savez(tmp_path / "mine.npz", X=X, y=y)
    name = f"file:{tmp_path / 'mine.npz'}"
    few = {"some": ("DeepSVDD", {"max_epochs": 3}), "bad": ("DeepSVDD", {"max_epochs": 0})}
    comparison = options.Comparison((name,), ("blind", "hard"), few)
    monkeypatch.setitem(options.COMPARISONS, "neutral", comparison)
    cell = {"comparison": "neutral", "alternative": "some", "dataset": name}
    rows = list(options.run(cell))
    assert {(row["method"], row["seed"]) for row in rows} == {
        (method, seed) for method in ("blind", "hard") for seed in (0, 1)
    }
    assert "| some | hard |" in options.tables([cell | row for row in rows])
    with pytest.raises(RuntimeError, match="max_epochs"):
        list(options.run(cell | {"alternative": "bad"}))


def test_a_digest_of_each_fit():
    found = dict(digests("DeepSVDD"))
    assert len(found) == len(set(found.values())) == 10
    assert {"NeuTraL", "ICL", "GOAD", "DeepSVDD", "AutoEncoder", "MHRot"} < set(PARTS)
    assert digest.over_all(list(found.items())) != digest.over_all([*found.items()][1:])


def test_digests_of_two_checkouts(monkeypatch, capsys):
    there = {ROOT: [["a", "1"], ["b", "2"]], Path("same"): [["a", "1"], ["b", "2"]]}
    there[Path("other")] = [["a", "1"], ["b", "3"]]
    monkeypatch.setattr(digest, "run_in", lambda checkout, *_: there[checkout])
    assert call("study", "digest", "--against", "same") == 0
    assert "differs" not in capsys.readouterr().out
    assert call("study", "digest", "--against", "other") == 1
    assert "| b | 2 | 3 | differs |" in capsys.readouterr().out


@pytest.mark.slow
def test_another_checkout_is_used_or_refused(tmp_path):
    task = {"dataset": "odds:thyroid", "backbone": "DeepSVDD", "n_models": 1, "device": "cpu"}
    [microseconds] = run_in(ROOT, "step_times.py", json.dumps([task | {"n_steps": 3}]))
    assert microseconds > 0
    with pytest.raises(CheckoutError, match="no lofe_sklearn"):
        run_in(tmp_path, "step_times.py", "[]")


def test_steps_of_two_checkouts_are_compared_as_a_ratio(monkeypatch, capsys):
    order = []

    def run_in(checkout, script, tasks):
        order.append(checkout)
        return [100.0 if checkout == ROOT else 50.0] * len(json.loads(tasks))

    monkeypatch.setattr(step_time, "run_in", run_in)
    assert call("study", "step-time", "--backbones", "ICL", "--against", "other") == 0
    assert order[:4] == [ROOT, Path("other"), Path("other"), ROOT]
    shown = capsys.readouterr().out
    assert shown.count("| 2.000 |") == 2  # one for each set
    assert "(geometric): 2.000" in shown


def test_a_step_is_timed_so_many_times():
    X = np.random.default_rng(0).normal(size=(300, 4))
    seconds = step_times(DeepSVDD(), X, n_models=2, n_steps=5)
    assert len(seconds) == 5
    assert (seconds > 0).all()


@pytest.mark.slow
def test_step_time_beside_products_and_peers(monkeypatch):
    for name, value in {"N_STEPS": 3, "N_ROUNDS": 1, "SECONDS": 0.0, "N_REPEATS": 1}.items():
        monkeypatch.setattr(step_time, name, value)
    cell = {"dataset": "odds:thyroid", "n_models": 1, "device": "cpu"}
    for backbone in ("NeuTraL", "ICL", "GOAD", "AutoEncoder"):
        own = cell | {"beside": "products", "backbone": backbone}
        [row] = step_time.run(own)
        assert row["step_us_best"] > 0
        assert row["products_us_best"] > 0
    own = cell | {"beside": "peers", "backbone": "DeepSVDD"}
    rows = list(step_time.run(own))
    assert [(row["library"], row["sizes"]) for row in rows] == [
        ("lofe-sklearn", "own"),
        ("deepod", "own"),
        ("deepod", "as ours"),
        ("pyod", "own"),
        ("pyod", "as ours"),
    ]
    assert not rows[0]["error"]
    assert rows[0]["step_us_median"] > 0
    assert all(row["error"] or row["weights"] for row in rows)
    assert "lofe-sklearn DeepSVDD" in step_time.tables([own | row for row in rows])


def test_a_search_is_timed(monkeypatch):
    monkeypatch.setattr(search_time, "RATIOS", [0.1])
    monkeypatch.setattr(search_time, "FEW_EPOCHS", {"DeepSVDD": {"max_epochs": 2}})
    [row] = search_time.run({"dataset": "odds:thyroid", "backbone": "DeepSVDD"})
    assert row["n_fits"] == 5
    assert row["ratio"] > 0


@pytest.mark.slow
def test_calls_that_score_a_row_are_timed(monkeypatch):
    few_epochs = partial(DeepSVDD, max_epochs=1)
    monkeypatch.setitem(row_latency.DETECTORS, "DeepSVDD", few_epochs)
    monkeypatch.setattr(row_latency, "N_CALLS", 2)
    [row] = row_latency.run({"detector": "DeepSVDD", "rows": 1})
    assert min(row[f"{of}milliseconds"] for of in ("", "onnx_", "forest_")) > 0
    assert row["onnx_error"] < 1e-9
    [of_a_forest] = row_latency.run({"detector": "IsolationForest", "rows": 3})
    assert of_a_forest["onnx_milliseconds"] is None
    assert "IsolationForest" in row_latency.tables(
        [{"detector": "IsolationForest", "rows": 3} | of_a_forest]
    )


@pytest.mark.slow
def test_a_table_is_taken_all_the_way():
    cell = {"columns": table_time.USUAL, "rows": 300}
    [row] = table_time.run(cell)
    assert all(row[f"{step}_seconds"] >= 0 for step in table_time.STEPS)
    assert row["forest_seconds"] > 0
    assert row["megabytes"] > 0
    assert row["n_features"] > table_time.made_up_table(300, table_time.USUAL).shape[1]
    assert "| 300 x 14 |" in table_time.tables([cell | row])


def test_a_ledger_keeps_the_last_line_of_a_cell(tmp_path):
    path = tmp_path / "out.jsonl"
    with Ledger(path) as ledger:
        for value in (1, 2):
            ledger.add({"study": "s", "cell": {"a": 1, "b": 2}, "rows": [{"value": value}]})
        ledger.add({"study": "s", "cell": {"b": 2, "a": 1}, "rows": [{"value": 3}]})
    assert [line["rows"] for line in read([path])] == [[{"value": 3}]]


def test_members_are_put_together_as_loe_does(contaminated):
    X, _ = contaminated
    given = {"contamination": (0.05, 0.2), "n_estimators": 3, "evidence": None}
    detector = LOE(DeepSVDD(max_epochs=3), **given, random_state=0).fit(X[::2])
    scores = wrong_ratio.together(detector.estimators_, np.ones(3), X[::2], X[1::2])
    np.testing.assert_allclose(scores, detector.score_samples(X[1::2]), atol=1e-9)
    weights = detector.contaminations_**-2.0
    assert not np.allclose(
        wrong_ratio.together(detector.estimators_, weights, X[::2], X[1::2]), scores
    )
