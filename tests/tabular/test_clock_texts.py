"""Minutes and hours in text, and how reasons write them."""

import io
import warnings

import numpy as np
import pytest
from conftest import slow_but

from lofe_sklearn import LOE, AutoEncoder, load, save
from lofe_sklearn.inspection import explain
from lofe_sklearn.tabular import TableFeatures, table_pipeline
from lofe_sklearn.tabular._clock_texts import seconds_in, written_like

pytest.importorskip("skrub", reason="needs skrub; pip install 'lofe-sklearn[table]'")
import pandas as pd

N = 60
SECONDS = np.round(np.random.default_rng(0).uniform(20, 600, N), 1)


def table_of(values):
    return pd.DataFrame({"size": np.arange(N) ** 1.5, "time": values})


def in_minutes(seconds):
    return f"{int(seconds // 60)}:{seconds % 60:04.1f}"


def short(seconds):
    """Write whole minutes and seconds without a fraction, as the clocks of games do."""
    return in_minutes(seconds).removesuffix(".0")


@pytest.mark.parametrize("written", [in_minutes, short])
def test_lap_times_are_minutes_and_seconds(written, tmp_path):
    seconds = np.where(np.arange(N) % 3, np.round(SECONDS), SECONDS)
    table = table_of([written(each) for each in seconds])
    features = TableFeatures()
    rows = features.fit_transform(table)
    assert features.column_kinds_["time"] == "number"
    np.testing.assert_allclose(rows, TableFeatures().fit_transform(table_of(seconds)))
    save(features, tmp_path / "m.lofe")
    file = io.StringIO(table.to_csv(index=False))
    for other in (table, pd.read_csv(file)):
        np.testing.assert_array_equal(features.transform(other), rows)
        np.testing.assert_array_equal(load(tmp_path / "m.lofe").transform(other), rows)
    # By itself too, where no other row tells that 4:07 is no time of day.
    np.testing.assert_array_equal(features.transform(table.iloc[[4]]), rows.iloc[[4]])


def test_times_of_day_stay_in_hours():
    texts = [f"{int(each) // 60:02}:{int(each) % 60:02}" for each in SECONDS]
    rows = TableFeatures().fit_transform(table_of(texts))
    hours = table_of(np.floor(SECONDS) * 60)
    np.testing.assert_allclose(rows, TableFeatures().fit_transform(hours))


def test_the_end_of_a_day_is_a_time():
    hours = np.arange(N) % 25
    for form in ("{:02}:00", "{:02}:00:00"):
        table = table_of([form.format(hour) for hour in hours])
        features = TableFeatures()
        rows = features.fit_transform(table)
        assert features.column_kinds_["time"] == "number"
        np.testing.assert_allclose(rows, TableFeatures().fit_transform(table_of(3600.0 * hours)))
    assert written_like(86_400.0, "08:30") == "24:00"
    assert written_like(0.0, "08:30") == "00:00"
    assert seconds_in("24:01") is None


OF_REASONS = {
    "lap times": (in_minutes, "5:00.5"),
    "hours beyond a day": (lambda s: f"{int(s)}:00:00", "300:00:00"),
}


@pytest.mark.parametrize("kind", slow_but(["hours beyond a day"], OF_REASONS))
def test_reasons_write_the_typical_one_as_the_table_does(kind):
    written, typical = OF_REASONS[kind]
    seconds = [*np.linspace(10, 290, N // 2 - 1), *[300.5] * 2, *range(310, 310 + N // 2 - 1)]
    table = table_of([written(each) for each in seconds])
    pipeline = table_pipeline(LOE(AutoEncoder(max_epochs=2), contamination=0.1)).fit(table)
    assert explain(pipeline, table[:1]).typical[1] == typical


PERIODS = {
    "quarters": ("Q", "Q{0.quarter} {0.year}"),
    "months": ("M", "{0.year}m{0.month}"),
    "weeks": ("W", "%G-W%V"),
}


@pytest.mark.parametrize("kind", slow_but(["quarters"], PERIODS))
def test_reasons_write_the_typical_period_as_the_table_does(kind):
    frequency, form = PERIODS[kind]
    periods = pd.period_range("2020-01-06", periods=N, freq=frequency)
    texts = [form.format(p) if "{" in form else p.start_time.strftime(form) for p in periods]
    pipeline = table_pipeline(LOE(AutoEncoder(max_epochs=2), contamination=0.1))
    pipeline.fit(table_of(texts))
    assert explain(pipeline, table_of(texts)[:1]).typical[1] == texts[N // 2 - 1]


DAY = 86_400
YEAR = 365.25 * DAY
DURATIONS = [
    (["2h03", "11h30", "0h59"], [7380, 41_400, 3540], "2h03"),
    (["4 hrs. 20 min.", "1 hr. 5 min.", "50 min."], [15_600, 3900, 3000], "1 h 5 min"),
    (["6 years 3 months", "1 year", "2y 6m"], [6.25 * YEAR, YEAR, 2.5 * YEAR], "2 y 6 mo"),
    (["7 wks 5 days", "1 wk", "2 weeks 1 day"], [54 * DAY, 7 * DAY, 15 * DAY], "15 d"),
]


@pytest.mark.parametrize(("texts", "seconds", "median"), slow_but(DURATIONS[::2], DURATIONS))
def test_durations_as_people_write_them(texts, seconds, median):
    rows = TableFeatures().fit_transform(table_of((texts * N)[:N]))
    expected = TableFeatures().fit_transform(table_of((seconds * N)[:N]))
    np.testing.assert_allclose(rows, expected, atol=1e-6)
    assert written_like(sorted(seconds)[1], texts[0]) == median


def test_less_than_a_minute_beside_minutes(tmp_path):
    """As results of races over 100 m have it, with words for those who did not finish."""
    seconds = np.round(np.random.default_rng(1).uniform(45, 75, N), 2)
    texts = [f"{each:.2f}" if each < 60 else f"1:{each - 60:05.2f}" for each in seconds]
    rows = TableFeatures().fit_transform(table_of(seconds))
    for words in ([], ["DNF"]):
        table = table_of([*words, *texts[len(words) :]])
        features = TableFeatures()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore" if words else "error")
            features.fit(table)
        assert features.column_kinds_["time"] == "number"
        present = np.sort(seconds[len(words) :])
        assert features.typical_row_["time"][0] == present[(len(present) - 1) // 2]
        save(features, tmp_path / "m.lofe")
        alone = load(tmp_path / "m.lofe").transform(table.iloc[[7]])
        np.testing.assert_array_equal(alone, features.transform(table).iloc[[7]])
        if not words:
            np.testing.assert_allclose(features.transform(table), rows)
    assert written_like(59.83, "48.20", in_minutes=True) == "59.83"
    assert written_like(62.5, "48.20", in_minutes=True) == "1:02.5"


def test_few_times_above_a_minute_are_no_words():
    texts = [f"{45 + i / 4:.2f}" for i in range(N - 3)] + ["1:00.50", "1:10.25", "DNF"]
    with pytest.warns(UserWarning, match=r"missing: 'time' \(1, such as 'DNF'\)"):
        rows = TableFeatures().fit_transform(table_of(texts))
    assert rows["time"].iloc[:-1].is_monotonic_increasing


@pytest.mark.parametrize("form", ["{:02}{:02}Z", "{:02}:{:02}Z"])
def test_zulu_times(form):
    minutes = (SECONDS * 2).astype(int)
    table = table_of([form.format(each // 60, each % 60) for each in minutes])
    features = TableFeatures()
    rows = features.fit_transform(table)
    assert features.column_kinds_["time"] == "number"
    np.testing.assert_allclose(rows, TableFeatures().fit_transform(table_of(60 * minutes)))
    assert written_like(51_000.0, form.format(8, 5)) == form.format(14, 10)


@pytest.mark.parametrize(
    ("texts", "seconds"),
    [
        (["2-03:04:05", "03:04:05", "1-00:00:00"], [183_845, 11_045, 86_400]),  # of a scheduler
        (["2d 03:04:05", "1d 00:00:00", "03:04:05"], [183_845, 86_400, 11_045]),
        (["22m", "13h", "5m"], [1320, 46_800, 300]),
        (["32 days ago", "2 hours ago", "1 minute ago"], [2_764_800, 7200, 60]),
    ],
)
def test_durations_of_programs(texts, seconds):
    features = TableFeatures()
    rows = features.fit_transform(table_of(texts * (N // 3)))
    assert features.column_kinds_["time"] == "number"
    np.testing.assert_allclose(rows, TableFeatures().fit_transform(table_of(seconds * (N // 3))))


def test_metres_alone_are_no_minutes():
    features = TableFeatures().fit(table_of(["22 m", "13 m", "5 m"] * (N // 3)))
    assert features.typical_row_["time"][0] == 13
