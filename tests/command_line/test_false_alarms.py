"""`--false-alarm-rate` and `--calibration` of `lofe fit` and `lofe score`."""

import numpy as np
import pandas as pd
import pytest

import lofe_sklearn
from lofe_sklearn.datasets import make_transactions

pytest_plugins = ["running_lofe"]


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    """A file of normal rows that no model was trained on."""
    path = tmp_path_factory.mktemp("clean") / "clean.csv"
    table, y = make_transactions(250, random_state=7)
    table[y == 0].to_csv(path, index=False)
    return path


def flagged(result, path):
    assert result.exit_code == 0, result.stderr
    return pd.read_csv(path)["flagged"].to_numpy() == 1


def test_calibration_rows_set_the_threshold_that_is_saved(lofe, folder, clean, tmp_path):
    path, output = tmp_path / "m.lofe", tmp_path / "s.csv"
    rate = ("--false-alarm-rate", 0.1, "--calibration", clean)
    fit = lofe(
        *("fit", folder / "today.csv", "--id", "transaction_id", "--model", path),
        *("--report", tmp_path / "r.html", *rate),
    )
    assert "by a false alarm rate of 10 %; share of anomalies" in fit.stderr
    page = (tmp_path / "r.html").read_text()
    assert "was set by a false alarm rate of 10 %" in page
    is_flagged = flagged(lofe("score", clean, "--model", path, "--output", output), output)
    rows = pd.read_csv(clean)
    assert is_flagged.sum() == int(0.1 * (len(rows) + 1)) - 1  # p-values of at most the rate
    plain = ("--id", "transaction_id", "--reasons", 0, "--model", tmp_path / "plain.lofe")
    lofe("fit", folder / "today.csv", *plain)
    detector = lofe_sklearn.load(tmp_path / "plain.lofe")
    detector[-1].set_threshold(false_alarm_rate=0.1, calibration=detector[:-1].transform(rows))
    assert lofe_sklearn.load(path)[-1].offset_ == pytest.approx(detector[-1].offset_, abs=1e-6)


def test_score_sets_it_for_one_call(lofe, folder, model, clean, tmp_path):
    output, before = tmp_path / "s.csv", model.read_bytes()
    result = lofe(
        *("score", clean, "--model", model, "--output", output),
        *("--false-alarm-rate", 0.05, "--calibration", clean),
    )
    assert "by a false alarm rate of 5 %" in result.stderr
    n = len(pd.read_csv(clean))
    assert flagged(result, output).sum() == int(0.05 * (n + 1)) - 1
    assert model.read_bytes() == before


@pytest.mark.slow
def test_without_a_file_models_of_folds_set_it(lofe, folder, tmp_path):
    path, output = tmp_path / "m.lofe", tmp_path / "s.csv"
    fit = lofe("fit", folder / "today.csv", "--model", path, "--false-alarm-rate", 0.2, "-q")
    assert fit.exit_code == 0
    detector = lofe_sklearn.load(path)[-1]
    expected = detector.offset_
    assert detector.set_threshold(false_alarm_rate=0.2).offset_ == expected
    counts = []
    for rate in (0.2, 0.02):
        options = ("--model", path, "--output", output, "--top", 0, "--false-alarm-rate", rate)
        counts.append(flagged(lofe("score", folder / "tomorrow.csv", *options), output).sum())
    assert counts[0] > counts[1]


def test_the_share_of_anomalies_stays_that_of_the_fit(lofe, folder, clean):
    fit = ("fit", folder / "today.csv", "--reasons", 0)
    shares = []
    for options in ((), ("--false-alarm-rate", 0.3, "--calibration", clean)):
        summary = lofe(*fit, *options).stderr.splitlines()[-1]
        shares.append(summary.partition("share of anomalies")[2])
    assert shares[0] == shares[1] != ""
    given = lofe(
        *(*fit, "--contamination", 0.05),
        *("--false-alarm-rate", 0.3, "--calibration", clean),
    )
    assert "share of anomalies 5 %, as given" in given.stderr


@pytest.mark.parametrize("rate", [0, 1, -0.1, "nan"])
def test_a_rate_is_between_0_and_1(rate, lofe, folder):
    result = lofe("fit", folder / "today.csv", "--false-alarm-rate", rate)
    assert result.exit_code == 2
    assert "--false-alarm-rate must be a number between 0 and 1" in result.stderr


def test_rows_without_a_rate_and_rows_of_the_training(lofe, folder, clean):
    result = lofe("fit", folder / "today.csv", "--calibration", clean)
    assert result.exit_code == 2
    assert "none was given; add one, such as --false-alarm-rate .01" in result.stderr
    same = ("--calibration", folder / "today.csv", "--false-alarm-rate", 0.1)
    result = lofe("fit", folder / "today.csv", *same)
    assert result.exit_code == 2
    assert "is the file of DATA" in result.stderr


def test_a_rate_that_the_rows_cannot_tell_is_an_error_before_the_training(lofe, folder, clean):
    for options, n in (((), 300), (("--calibration", clean), len(pd.read_csv(clean)))):
        result = lofe("fit", folder / "today.csv", "--false-alarm-rate", 1e-4, *options)
        assert result.exit_code == 2
        assert f"the lowest rate that so many can tell is 1 / {n + 1}" in result.stderr
        assert "9,999 other normal rows" in result.stderr
        assert "training" not in result.stderr


def test_fewer_rows_than_folds(lofe, folder, tmp_path):
    pd.read_csv(folder / "today.csv").head(4).to_csv(tmp_path / "four.csv", index=False)
    result = lofe("fit", tmp_path / "four.csv", "--false-alarm-rate", 0.3)
    assert result.exit_code == 3
    assert "--false-alarm-rate without --calibration needs at least 5" in result.stderr
    assert "held_out_folds" not in result.stderr


def test_known_anomalies_are_no_calibration_rows(lofe, folder):
    n = 300 - (pd.read_csv(folder / "labelled.csv")["label"] == "anomaly").sum()
    options = ("--known", "label", "--false-alarm-rate", 1e-4)
    result = lofe("fit", folder / "labelled.csv", *options)
    assert f"cannot be met with {n} rows" in result.stderr


def test_a_model_without_scores_of_unseen_rows(lofe, folder, model):
    options = ("--model", model, "--false-alarm-rate", 0.1)
    result = lofe("score", folder / "tomorrow.csv", *options)
    assert result.exit_code == 2
    assert "Give a file of them, normal as far as possible, as --calibration" in result.stderr


def test_files_of_calibration_rows_that_cannot_be_used(lofe, folder, model, clean, tmp_path):
    table = pd.read_csv(clean)
    table.drop(columns="country").to_csv(tmp_path / "narrow.csv", index=False)
    table.head(0).to_csv(tmp_path / "empty.csv", index=False)
    table.assign(amount=np.where(table.index == 3, np.inf, table["amount"])).to_csv(
        tmp_path / "infinite.csv", index=False
    )
    for name, words in (
        ("narrow.csv", "it lacks the column 'country'"),
        ("empty.csv", "has a header, but no rows below it"),
        ("infinite.csv", "line 5"),
        ("nothing.csv", "there is no such file"),
    ):
        options = ("--false-alarm-rate", 0.1, "--calibration", tmp_path / name)
        for command in (
            ("fit", folder / "today.csv"),
            ("score", folder / "tomorrow.csv", "--model", model),
        ):
            result = lofe(*command, *options)
            assert result.exit_code == 3, (name, result.stderr)
            assert f"{tmp_path / name}" in result.stderr
            assert words in result.stderr, (name, command)


def test_a_rate_among_the_anomalies_is_said_in_the_words_of_the_command(lofe, folder):
    options = ("--contamination", 0.2, "--false-alarm-rate", 0.05)
    notes = lofe("fit", folder / "today.csv", *options).stderr
    assert "--false-alarm-rate 0.05 is not above the share of anomalies" in notes
    assert "Pass --calibration FILE, a file of rows that are normal as far as possible" in notes
    assert "calibration=rows" not in notes
