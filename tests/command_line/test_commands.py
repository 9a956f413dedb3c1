"""`lofe fit` and `lofe score`: what they print and write."""

import gzip
import io

import numpy as np
import pandas as pd
import pytest

import lofe_sklearn
from lofe_sklearn._command_line._plain_values import percent, probability_text

pytest_plugins = ["running_lofe"]


def lines_of(result, **options):
    return pd.read_csv(io.StringIO(result.stdout), sep="\t", keep_default_na=False, **options)


def test_fit_prints_the_most_anomalous_rows_with_reasons(model, folder):
    printed = pd.read_csv(folder / "printed.txt", sep="\t")
    assert list(printed) == [
        *("rank", "row", "transaction_id", "probability", "anomaly_score", "flagged", "reasons")
    ]
    assert printed["rank"].tolist() == [1, 2, 3, 4, 5]
    assert (np.diff(printed["anomaly_score"]) <= 0).all()
    assert (np.diff(printed["probability"]) <= 0).all()
    assert printed["reasons"].str.contains("typically").all()
    assert printed["transaction_id"].tolist() == [f"T{row:06d}" for row in printed["row"]]


def test_fit_says_what_it_dropped_and_how_many_rows_it_flags(model, folder):
    notes = (folder / "notes.txt").read_text()
    assert "note: dropped columns that tell nothing about a row: 'currency'" in notes
    assert "keep=[" not in notes
    assert "share of anomalies" in notes


def test_the_scores_of_all_rows_are_those_of_the_saved_model(model, folder):
    written = pd.read_csv(folder / "today_scores.csv")
    loaded = lofe_sklearn.load(model)
    table = pd.read_csv(folder / "today.csv")
    assert written["row"].tolist() == list(range(1, 301))
    np.testing.assert_allclose(written["anomaly_score"], -loaded.score_samples(table), rtol=1e-9)
    np.testing.assert_allclose(written["probability"], loaded.predict_proba(table)[:, 1], rtol=1e-9)
    np.testing.assert_array_equal(written["flagged"], loaded.predict(table) == -1)


def test_score_gives_the_training_file_the_scores_of_the_fit(lofe, model, folder, tmp_path):
    output = tmp_path / "again.csv"
    result = lofe(
        *("score", folder / "today.csv", "--model", model, "--id", "transaction_id"),
        *("--output", output, "--top", 5),
    )
    assert result.exit_code == 0
    assert output.read_bytes() == (folder / "today_scores.csv").read_bytes()
    assert result.stdout == (folder / "printed.txt").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("n_rows", [1, 7, 64])
def test_a_score_does_not_depend_on_the_chunk(n_rows, lofe, model, folder, tmp_path):
    shown = []
    pd.read_csv(folder / "tomorrow.csv").head(8 * n_rows).to_csv(tmp_path / "t.csv", index=False)
    for name, size in (("whole", 1000), ("chunks", n_rows)):
        options = ("--output", tmp_path / f"{name}.csv", "--chunk-rows", size, "--top", 6, "-q")
        shown.append(lofe("score", tmp_path / "t.csv", "--model", model, *options).stdout)
    whole, chunks = (pd.read_csv(tmp_path / f"{name}.csv") for name in ("whole", "chunks"))
    pd.testing.assert_frame_equal(whole, chunks, rtol=1e-9)
    assert shown[0] == shown[1]


def test_all_kinds_of_files_are_read_alike(lofe, model, folder, tmp_path):
    table = pd.read_csv(folder / "tomorrow.csv")
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress((folder / "tomorrow.csv").read_bytes()))
    table.to_csv(tmp_path / "semicolons.csv", sep=";", decimal=",", index=False)
    table.to_csv(tmp_path / "tabs.tsv", sep="\t", index=False)
    table.to_csv(tmp_path / "wide.csv", encoding="utf-16", index=False)
    table.iloc[:, ::-1].to_csv(tmp_path / "reversed.csv", index=False, encoding="utf-8-sig")
    table.to_parquet(tmp_path / "t.parquet")
    expected = lofe_sklearn.load(model).score_samples(table)
    options = {"semicolons.csv": ["--decimal", ","], "wide.csv": ["--encoding", "utf-16"]}
    names = ["t.csv.gz", "semicolons.csv", "tabs.tsv", "wide.csv", "reversed.csv", "t.parquet"]
    for name in names:
        output = tmp_path / "scores.parquet"
        result = lofe(
            *("score", tmp_path / name, "--model", model, "--output", output, "--top", 0),
            *options.get(name, []),
        )
        assert result.exit_code == 0, (name, result.stderr)
        written = pd.read_parquet(output)["anomaly_score"]
        np.testing.assert_allclose(written, -expected, rtol=1e-6, atol=1e-6, err_msg=name)


def test_matrices_in_npz_files(lofe, tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 3))
    X[3, 1] = 60.0
    names = np.array(["depth", "weight", "age"])
    np.savez(tmp_path / "m.npz", X=X, feature_names=names, name=np.arange(80), y=np.zeros(80))
    result = lofe("fit", tmp_path / "m.npz", "--id", "name", "--top", 1)
    [line] = lines_of(result).to_dict("records")
    assert (line["row"], line["name"]) == (4, 3)
    assert " weight = 60 (typically " in line["reasons"].split("; ")[0]


def test_a_planted_value_is_on_top_with_its_reason(lofe, tmp_path):
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"amount": rng.normal(20, 2, 150).round(2), "unit": ["g", "kg", "t"] * 50})
    table.loc[41, "amount"] = 900.0
    table.to_csv(tmp_path / "t.csv", index=False)
    line = lines_of(lofe("fit", tmp_path / "t.csv", "--top", 1)).iloc[0]
    assert line["row"] == 42
    assert " amount = 900 (typically " in line["reasons"].split("; ")[0]


@pytest.mark.parametrize("unit", ["", " kg"])
def test_a_table_of_one_column_of_numbers(unit, lofe, tmp_path):
    values = [f"{100 + i % 17}.{i % 10}{unit}" for i in range(200)] + [f"900.5{unit}"]
    lines = ["name,weight", *(f"n{i},{value}" for i, value in enumerate(values))]
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    line = lines_of(lofe("fit", tmp_path / "t.csv", "--id", "name", "--top", 1)).iloc[0]
    assert (line["row"], line["name"]) == (201, "n200")
    assert " weight = 900.5" in line["reasons"]


def test_known_labels_are_followed_and_are_no_feature(lofe, folder, tmp_path):
    output = tmp_path / "m.lofe"
    result = lofe(
        "fit", folder / "labelled.csv", "--known", "label", "--model", output, "--reasons", 0
    )
    assert result.exit_code == 0
    loaded = lofe_sklearn.load(output)
    assert "label" not in loaded[0].feature_names_in_
    labels = pd.read_csv(folder / "labelled.csv")["label"]
    assert (loaded[-1].labels_[labels == "anomaly"] == -1).all()
    assert (loaded[-1].labels_[labels == "normal"] == 1).all()


@pytest.mark.parametrize("given", [".05", ".01,.2"])
def test_a_share_of_anomalies_that_is_given(given, lofe, folder, tmp_path):
    result = lofe(
        "fit", folder / "today.csv", "--contamination", given, "--report", tmp_path / "r.html"
    )
    assert result.exit_code == 0
    assert "as given" in result.stderr
    page = (tmp_path / "r.html").read_text()
    assert "was given" in page
    is_interval = "," in given  # else both bounds are the share itself
    assert ("(between" in result.stderr) == ("likely share" in page) == is_interval


def test_known_labels_that_rule_the_share_out(lofe, tmp_path):
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"a": rng.normal(size=60), "b": rng.normal(size=60)})
    table["label"] = ["anomaly"] * 3 + ["normal"] * 57
    table.to_csv(tmp_path / "t.csv", index=False)
    options = ("--known", "label", "--contamination", ".1", "--report", tmp_path / "r.html")
    notes = lofe("fit", tmp_path / "t.csv", *options).stderr
    assert "--known leaves no row unknown" in notes
    # 0 is the label of normal rows in a file.
    assert "Leave the field empty where the label is not known" in notes
    assert "Use 0" not in notes
    assert "--known names 57 of 60 rows normal, so that there are fewer" in notes
    assert "than --contamination 0.1 says. 0.05 is used instead" in notes
    assert "pass --contamination with the share that you expect" in notes
    assert "anomalies 5 %, since the known labels rule out the one given" in notes
    assert "known labels rule out the share that was given" in (tmp_path / "r.html").read_text()


def test_names_of_rows_are_whole(lofe, model, folder, tmp_path):
    table = pd.read_csv(folder / "tomorrow.csv").head(20)
    table["hash"] = [f"{i:064x}" for i in range(20)]
    table["number"] = [np.nan, 12_345_678.0, 0.25, *range(17)]
    table.to_parquet(tmp_path / "t.parquet")
    expected = {"hash": table["hash"].tolist()}
    expected["number"] = ["", "12345678", "0.25", *map(str, range(17))]
    for name, names in expected.items():
        output = tmp_path / f"{name}.csv"
        options = ("--model", model, "--id", name, "--output", output, "--top", 20)
        listed = lines_of(lofe("score", tmp_path / "t.parquet", *options), dtype=str)
        listed = listed.set_index("row")[name].sort_index(key=lambda row: row.astype(int))
        assert listed.tolist() == [own or "missing" for own in names]
        assert pd.read_csv(output, dtype=str)[name].fillna("").tolist() == names


def test_a_column_of_the_model_may_name_rows(lofe, model, folder):
    options = ("score", folder / "tomorrow.csv", "--model", model, "--top", 5)
    alone, named = lines_of(lofe(*options)), lines_of(lofe(*options, "--id", "merchant"))
    assert named["merchant"].notna().all()
    pd.testing.assert_frame_equal(named.drop(columns="merchant"), alone)


def test_columns_can_be_left_out(lofe, folder, tmp_path):
    options = ("--ignore", "merchant", "--ignore", "time", "--model", tmp_path / "m.lofe")
    assert lofe("fit", folder / "today.csv", *options, "--reasons", 0).exit_code == 0
    names = lofe_sklearn.load(tmp_path / "m.lofe")[0].feature_names_in_
    assert {"merchant", "time"}.isdisjoint(names)


def test_quiet_writes_the_list_only(lofe, model, folder):
    result = lofe("score", folder / "tomorrow.csv", "--model", model, "--quiet", "--reasons", 0)
    assert result.stderr == ""
    assert (lines_of(result)["reasons"] == "").all()


def test_columns_that_the_model_does_not_know_are_a_note(lofe, model, folder, tmp_path):
    table = pd.read_csv(folder / "tomorrow.csv").assign(colour="red").drop(columns="currency")
    table.to_csv(tmp_path / "t.csv", index=False)
    result = lofe("score", tmp_path / "t.csv", "--model", model)
    assert result.exit_code == 0
    assert "'colour'" in result.stderr


def test_values_that_cannot_be_read_are_told_once(lofe, model, folder, tmp_path):
    table = pd.read_csv(folder / "tomorrow.csv", dtype=str)
    table.loc[::2, "amount"] = "many"
    table.to_csv(tmp_path / "t.csv", index=False)
    result = lofe("score", tmp_path / "t.csv", "--model", model, "--top", 10)
    assert result.stderr.count("values that are no numbers or dates") == 1
    assert "'amount' (60, such as 'many')" in result.stderr


@pytest.mark.parametrize(
    ("share", "text"),
    [(1.0, "100 %"), (0.996, "100 %"), (0.994, "99 %"), (0.22, "22 %"), (0.0018, "0.18 %")],
)
def test_shares_in_percent(share, text):
    assert percent(share) == text


@pytest.mark.parametrize(
    ("probability", "text"),
    [(0.0, "<.001"), (0.0005, "0.001"), (0.5, "0.500"), (0.9995, ">.999"), (1.0, ">.999")],
)
def test_probabilities_are_never_bare_0_or_1(probability, text):
    assert probability_text(probability) == text


@pytest.mark.slow
def test_the_same_seed_gives_the_same_list(lofe, folder):
    first, again, other = (
        lofe("fit", folder / "today.csv", "--seed", seed, "--reasons", 0).stdout
        for seed in (1, 1, 2)
    )
    assert first == again != other


def test_what_a_file_holds_cannot_steer_the_terminal(lofe, tmp_path):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {"a\x1b[31m": rng.normal(size=60), "b": ["x\ty\nz\x1b[2J"] * 30 + ["q"] * 30}
    )
    table.to_csv(tmp_path / "t.csv", index=False)
    result = lofe("fit", tmp_path / "t.csv", "--id", "b", "--ignore", "a\x1b[31m")
    assert result.exit_code == 3
    table["c"] = rng.normal(size=60)
    table.to_csv(tmp_path / "t.csv", index=False)
    result = lofe("fit", tmp_path / "t.csv", "--id", "b", "--top", 60)
    assert result.exit_code == 0
    assert "\x1b" not in result.output
    assert all(line.count("\t") == 6 for line in result.stdout.splitlines())
