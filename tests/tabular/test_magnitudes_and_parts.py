"""Numbers with letters that multiply them, such as $1.2M, and durations in parts: 2 h 15 min."""

import io
import warnings

import numpy as np
import pytest

from lofe_sklearn import LOE, AutoEncoder, load, save
from lofe_sklearn.inspection import explain
from lofe_sklearn.tabular import TableFeatures, table_pipeline

pytest.importorskip("skrub", reason="needs skrub; pip install 'lofe-sklearn[table]'")
import pandas as pd

N = 60
SIZES = np.random.default_rng(0).normal(size=N)
# Of the three digits that the texts below have.
AMOUNTS = np.array([float(f"{x:.3g}") for x in np.geomspace(500, 8e9, N)])
MINUTES = np.random.default_rng(1).integers(1, 1500, N)


def table_of(values):
    return pd.DataFrame({"size": SIZES, "column": pd.Series(list(values), dtype=object)})


def short(number, names, decimal="."):
    """Write 1234000 as 1.23M, with the names of 1, 1e3, 1e6 and 1e9."""
    place = int(np.searchsorted([1e3, 1e6, 1e9], number, side="right"))
    return f"{number / 1000**place:.6g}".replace(".", decimal) + names[place]


AMOUNT_TEXTS = {
    "dollars": lambda x: "$" + short(x, ["", "k", "M", "B"]),
    "small letters": lambda x: "$" + short(x, ["", "k", "m", "bn"]),
    "words": lambda x: "€ " + short(x, ["", " thousand", " million", " billion"]),
    "German": lambda x: short(x, [" €", " T€", " Mio. €", " Mrd. €"], ","),
    "codes": lambda x: short(x, [" EUR", "k EUR", "M EUR", "bn EUR"]),
    "counts": lambda x: short(x, ["", "K", "M", "B"]),
}


@pytest.mark.parametrize("kind", AMOUNT_TEXTS)
def test_amounts_are_the_numbers_that_they_say(kind):
    texts = table_of(map(AMOUNT_TEXTS[kind], AMOUNTS))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        features = TableFeatures().fit(texts)
        rows = features.transform(texts)
    assert features.column_kinds_["column"] == "number"
    expected = TableFeatures().fit_transform(table_of(AMOUNTS))
    np.testing.assert_allclose(rows, expected, rtol=1e-5, atol=1e-6)
    pd.testing.assert_frame_equal(features.transform(texts.iloc[[7]]), rows.iloc[[7]])


@pytest.mark.parametrize("unit", ["M", "k", " mg", "m", " K", "G", "%", " m", "h"])
def test_one_unit_alone_is_read_by_its_size(unit):
    numbers = np.round(np.abs(SIZES), 2)
    rows = TableFeatures().fit_transform(table_of(f"{x}{unit}" for x in numbers))
    np.testing.assert_allclose(rows, TableFeatures().fit_transform(table_of(numbers)), atol=1e-6)


def test_bytes_are_no_billions():
    texts = [f"{x} B" if i % 2 else f"{x} kB" for i, x in enumerate(MINUTES)]
    numbers = [x if i % 2 else 1000 * x for i, x in enumerate(MINUTES)]
    rows = TableFeatures().fit_transform(table_of(texts))
    np.testing.assert_allclose(rows, TableFeatures().fit_transform(table_of(numbers)), atol=1e-6)


def test_at_least_and_units_of_two_words_are_numbers():
    numbers = MINUTES * 100
    expected = TableFeatures().fit_transform(table_of(numbers))
    for texts in ([f"{x:,}+" for x in numbers], [f"{x:,} sq ft" for x in numbers]):
        np.testing.assert_allclose(TableFeatures().fit_transform(table_of(texts)), expected)


def test_addresses_are_text():
    texts = [f"{x} {'Oak' if x % 2 else 'Main'} Street{x % 7}" for x in MINUTES]
    assert TableFeatures().fit(table_of(texts)).column_kinds_["column"] == "text"


PART_TEXTS = {
    "spaces": lambda m: f"{m // 60} h {m % 60} min",
    "none": lambda m: f"{m // 60}h{m % 60}m",
    "left out": lambda m: f"{m // 60}h {m % 60}m" if m >= 60 else f"{m}m",
    "words": lambda m: (
        f"{m // 60} hours, {m % 60} minutes" if m // 60 != 1 else f"1 hour {m % 60} min"
    ),
    "German": lambda m: f"{m // 60} Std. {m % 60} Min.",
    "days": lambda m: f"{m // 1440}d {m % 1440 // 60}h {m % 60}m",
}


@pytest.mark.parametrize("kind", PART_TEXTS)
def test_durations_in_parts_are_seconds(kind):
    texts = table_of(map(PART_TEXTS[kind], MINUTES))
    features = TableFeatures().fit(texts)
    rows = features.transform(texts)
    spans = table_of(SIZES).assign(column=pd.to_timedelta(MINUTES, unit="min"))
    pd.testing.assert_frame_equal(rows, TableFeatures().fit_transform(spans))
    pd.testing.assert_frame_equal(features.transform(spans), rows)
    alone = features.transform(table_of(["45 min"] * N))
    expected = features.transform(spans.assign(column=pd.Timedelta(minutes=45)))
    pd.testing.assert_frame_equal(alone, expected)


def test_units_in_a_wrong_order_are_text():
    texts = [f"{m % 60} min {m // 60} h" for m in MINUTES]
    assert TableFeatures().fit(table_of(texts)).column_kinds_["column"] == "text"


@pytest.mark.parametrize(
    ("column", "odd"),
    [
        ([f"${x:.0f}k" for x in 100 + 10 * SIZES], "$900M"),
        pytest.param(
            [f"{x / 10:.1f}k" if x < 900 else f"{x}" for x in MINUTES],
            "77M",
            marks=pytest.mark.slow,
        ),
        ([PART_TEXTS["spaces"](m) for m in MINUTES], "710 h 5 min"),
    ],
)
def test_a_far_one_is_on_top_and_typical_ones_are_written_alike(column, odd, tmp_path):
    table = table_of(column)
    table.loc[9, "column"] = odd
    detector = LOE(AutoEncoder(max_epochs=20), contamination=0.02, random_state=0)
    pipeline = table_pipeline(detector).fit(table)
    scores = pipeline.score_samples(table)
    assert scores.argmin() == 9
    [[reason]] = explain(pipeline, table.iloc[[9]]).top(1)
    assert (reason.feature, reason.value) == ("column", odd)
    assert reason.typical in column
    save(pipeline, tmp_path / "model.lofe")
    read = pd.read_csv(io.StringIO(table.to_csv(index=False)))
    np.testing.assert_array_equal(load(tmp_path / "model.lofe").score_samples(read), scores)
