"""Numbers and times in text: units, currencies, decimal commas, and words among them."""

import io
import warnings

import numpy as np
import pytest
from conftest import slow_but

from lofe_sklearn import DeepSVDD, load, save
from lofe_sklearn.inspection import explain
from lofe_sklearn.tabular import TableFeatures, table_pipeline
from lofe_sklearn.tabular._date_texts import day_like, in_iso_form
from lofe_sklearn.tabular._number_parts import parts_of
from lofe_sklearn.tabular._quantity_texts import quantities_of

pytest.importorskip("skrub", reason="needs skrub; pip install 'lofe-sklearn[table]'")
import pandas as pd

N = 60
SIZES = np.random.default_rng(0).normal(size=N)
AMOUNTS = np.round(np.exp(7 + 2 * np.random.default_rng(1).normal(size=N)), 2)
WIDE = str.maketrans("0123456789", "".join(map(chr, range(0xFF10, 0xFF1A))))
ARABIC = str.maketrans("0123456789", "".join(map(chr, range(0x660, 0x66A))))


def german(number):
    return f"{number:,.2f}".translate(str.maketrans(",.", ".,"))


def table_of(values):
    return pd.DataFrame({"size": SIZES, "column": values})


def quiet(function, *arguments):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return function(*arguments)


WRITTEN = {
    "per cent": lambda x: f"{x:.2f} %",
    "unit": lambda x: f"{x:.2f}mg/dl",
    "degrees": lambda x: f"{x:.2f}°C",
    "area": lambda x: f"{x:.2f} m²",
    "euros": lambda x: f"{german(x)} €",
    "dollars": lambda x: f"${x:,.2f}",
    "francs": lambda x: f"CHF {x:,.2f}".replace(",", "'"),
    "rupees": lambda x: f"₹{x:,.2f}",
    "decimal comma": lambda x: f"{x:.2f}".replace(".", ","),
    "thousands": lambda x: f"{x:,.2f}",
    "narrow spaces": lambda x: f"{x:,.2f}".replace(",", "\u202f"),
    "no-break spaces": lambda x: german(x).replace(".", "\u00a0"),
    "typographic apostrophes": lambda x: f"{x:,.2f}".replace(",", "\u2019"),
    "comma and exponent": lambda x: f"{x:.7e}".replace(".", ","),
    "full width": lambda x: f"{x:.2f}".translate(WIDE),
    "Arabic": lambda x: f"{x:.2f}".translate(ARABIC).replace(".", "\u066b"),
    "about": lambda x: f"{('ca. ', '~', 'approx. ', 'about ')[int(x) % 4]}{x:.2f}",
    "below a limit": lambda x: f"<{x:.2f}" if x < 100 else f"{x:.2f}",
}


@pytest.mark.parametrize("kind", WRITTEN)
def test_they_are_the_numbers_that_they_say(kind):
    table = table_of([WRITTEN[kind](amount) for amount in AMOUNTS])
    features = TableFeatures()
    rows = quiet(features.fit_transform, table)
    assert features.column_kinds_["column"] == "number"
    np.testing.assert_allclose(rows, TableFeatures().fit_transform(table_of(AMOUNTS)))
    np.testing.assert_array_equal(quiet(features.transform, table), rows)
    for row in (0, 17, N - 1):  # how it is read does not depend on the rows beside it
        np.testing.assert_array_equal(features.transform(table.iloc[[row]]), rows.iloc[[row]])
    np.testing.assert_allclose(quiet(features.transform, table_of(AMOUNTS)), rows)
    file = io.StringIO(table.to_csv(index=False))
    np.testing.assert_allclose(quiet(features.transform, pd.read_csv(file)), rows)


NEGATIVE = {
    "dollars": (["-$1,200.00", "$3.50"], [-1200, 3.5]),
    "accounting": (["(1,200.00)", "3.50"], [-1200, 3.5]),
    "minus behind": (["1.200,00-", "3,50"], [-1200, 3.5]),
    "minus of print": (["\u22121200 kg", "3.5 kg"], [-1200, 3.5]),
}


@pytest.mark.parametrize("kind", NEGATIVE)
def test_negative_ones(kind):
    texts, numbers = NEGATIVE[kind]
    rows = quiet(TableFeatures().fit_transform, table_of(texts * (N // 2)))
    expected = TableFeatures().fit_transform(table_of(numbers * (N // 2)))
    np.testing.assert_allclose(rows, expected)


POINTS_AND_COMMAS = {
    "points between thousands": (["1.234 €", "999 €"], [1234, 999]),
    "three decimals": (["1.234 kg", "0.999 kg"], [1.234, 0.999]),
    "three decimals of all": (["1.234 kg", "2.345 kg"], [1.234, 2.345]),
    "commas between thousands": (["1,234", "999"], [1234, 999]),
    "three decimals after a comma": (["1,234", "0,999"], [1.234, 0.999]),
    "one value decides": (["1,234", "5,6"], [1.234, 5.6]),
    "millions decide": (["1,234,567", "1,234"], [1234567, 1234]),
    "groups of India": (["12,34,567", "1,234"], [1234567, 1234]),
}


@pytest.mark.parametrize("kind", POINTS_AND_COMMAS)
def test_what_points_and_commas_are(kind):
    texts, numbers = POINTS_AND_COMMAS[kind]
    features = quiet(TableFeatures().fit, table_of(texts * (N // 2)))
    found = sorted([features.typical_row_["column"][0], *numbers])
    assert found[0] == found[1] or found[1] == found[2]
    # The two in tables of their own.
    expected = TableFeatures().fit(table_of(numbers * (N // 2)))
    for text, number in zip(texts, numbers, strict=True):
        np.testing.assert_allclose(
            features.transform(table_of([text] * N)), expected.transform(table_of([number] * N))
        )


@pytest.mark.parametrize(
    "texts",
    [
        *(["1.10.2", "1.9.0"], ["10.0.0.1", "10.0.0.2"], ["120/80", "90/60"], ["5-10", "10-20"]),
        *(
            ["2 TB", "512 kg"],
            ["5 m", "5 min"],
            ["12a", "12b"],
            ["3 rooms!", "4"],
            ["00123 x", "00456 x"],
        ),
        *(["4111 1111 1111 1111", "4222 2222 2222 2222"], ["+49 151 234 567", "+49 151 234 568"]),
        *(["EG", "1"], ["2026Q5", "2026Q6"], ["2026-W54", "2026-W55"], ["1st", "2nd"]),
        *(["DE12 3456", "DE13 3456"], ["IV", "IX"], ["#00ff00", "#123456"], ["Room 5", "Room 6"]),
        *(["52.5N 13.4E", "48.1N 11.5E"], ["1,2,3", "1,2,4"], ["$5 €", "$6 €"], ["(5", "6)"]),
        *(["(-5)", "(-6)"], ["-5.50-", "-6.50-"], ["5 ft 14 in", "6 ft 15 in"]),
        *(["$1 x10^3", "$2 x10^3"], ["5.5-10.5 N", "7.5-9.5 S"]),
    ],
    ids=str,
)
def test_texts_that_are_no_quantities(texts):
    assert quiet(TableFeatures().fit, table_of(texts * (N // 2))).column_kinds_["column"] == "text"


UNITS = {
    "bytes": (["2 TB", "512 GB", "256 GB"], [2000, 512, 256]),
    "binary": (["2 MiB", "512 KiB", "1 KiB"], [2048, 512, 1]),
    "mass": (["1.5 kg", "300 g", "20 g", "5000 mg"], [1500, 300, 20, 5]),
    "time": (["2 h", "15 min", "30 min", "90 s", "1 hour"], [120, 15, 30, 1.5, 60]),
    "pounds": (["2 kg", "1 lb", "8 oz", "3 lbs."], [2, 0.45359237, 0.226796185, 1.36077711]),
    "miles": (["10 km", "1 mi", "2 miles"], [10, 1.609344, 3.218688]),
    "areas": (["1 acre", "0.5 acres", "4,356 sq ft"], [1, 0.5, 0.1]),
    "speeds": (["10 kn", "20 kts", "37.04 km/h", "10 mph"], [10, 20, 20, 8.68976242]),
    "speeds of networks": (["2 Gbps", "500 Mbps", "1 Gbps"], [2, 0.5, 1]),
    "speeds of disks": (["2 MB/s", "500 KB/s", "1 MB/s"], [2, 0.5, 1]),
    "concentrations": (["150 mg/dL", "1.5 g/L", "90 mg/dL"], [150, 150, 90]),
    "ages": (["2 yrs", "6 mos", "3 years"], [2, 0.5, 3]),
    "sizes of files": (["1.5 KB", "2 KB", "76 bytes"], [1.5, 2, 0.076]),
    "short times": (["1.5 s", "20 ms", "300 µs"], [1500, 20, 0.3]),
    "shares": (["5 %", "2 ‰", "8.5 ‰"], [5, 0.2, 0.85]),
    "case counts": (["5 MW", "5 mW", "2 mW"], [5e9, 5, 2]),
    "one is not many": (["1 year", "5 years", "3 years"], [1, 5, 3]),
    "several units": (["135ms", "1m 30s", "2.5s", "8ms"], [135, 90_000, 2_500, 8]),
    "of a program": (["1.5s", "1h2m3.5s", "350µs"], [1.5, 3_723.5, 0.00035]),
    "abbreviated": (["1 min.", "5 min", "2 hrs"], [1, 5, 120]),
}


@pytest.mark.parametrize("kind", UNITS)
def test_units_of_one_quantity_are_converted(kind):
    texts, numbers = UNITS[kind]
    table = table_of(texts * (N // len(texts)))
    features = TableFeatures()
    rows = quiet(features.fit_transform, table)
    assert features.column_kinds_["column"] == "number"
    expected = TableFeatures().fit_transform(table_of(numbers * (N // len(texts))))
    np.testing.assert_allclose(rows, expected)
    for row in range(len(texts)):
        np.testing.assert_array_equal(features.transform(table.iloc[[row]]), rows.iloc[[row]])


def test_a_unit_that_the_fit_has_not_seen_is_converted():
    features = TableFeatures().fit(with_words([]))
    rows = quiet(features.transform, with_words(["70500 g"]))
    np.testing.assert_allclose(rows, features.transform(with_words(["70.5 kg"])))
    with pytest.warns(UserWarning, match=r"treated as missing: 'column' \(1, such as '70 km'\)"):
        features.transform(with_words(["70 km"]))


def test_plain_numbers_and_categories_stay_what_they_are():
    plain = TableFeatures().fit(table_of([f"{size:.3f}" for size in SIZES]))
    assert plain._columns["column"].writing is None
    doses = pd.Categorical(["5 mg", "10 mg"] * (N // 2))
    assert TableFeatures().fit(table_of(doses)).column_kinds_["column"] == "category"


def with_words(words):
    """Return a table of weights, which are all different, the first ones replaced by words."""
    texts = [f"{70 + size:.4f} kg" for size in SIZES]
    texts[: len(words)] = words
    return table_of(texts)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["-"] * 9, r"'column' \(9, such as '-'\)"),
        (["unknown", "see note", "900 lux", "heavy", "8", "?"], r"'column' \(4, such as 'unknown'"),
    ],
)
def test_a_few_words_among_many_numbers_are_missing_values(words, told):
    table = with_words(words)
    features = TableFeatures()
    with pytest.warns(UserWarning, match=f"among the numbers or dates of their .* missing: {told}"):
        rows = features.fit_transform(table)
    assert features.column_kinds_["column"] == "number"
    gaps = [word not in ("8",) for word in words] + [False] * (N - len(words))
    np.testing.assert_array_equal(rows["column_missing"], gaps)
    # The fit has told of them.
    np.testing.assert_array_equal(quiet(features.transform, table), rows)
    other = with_words(["abc"])
    with pytest.warns(UserWarning, match=r"treated as missing: 'column' \(1, such as 'abc'\)"):
        assert features.transform(other)["column_missing"].tolist() == [1] + [0] * (N - 1)


DAYS = pd.date_range("2024-01-03", periods=N, freq="29h")
NO_DAYS = {
    "placeholder": ["unknown"] * 9,
    "zeros of a database": ["0000-00-00"] * 3,
    "impossible days": ["31.02.2024", "13/45/2024", "2024-02-30"],
    "words": ["soon", "see note", "n.d.", "never"],
}


@pytest.mark.parametrize(
    ("kind", "form"),
    [
        ("placeholder", "%Y-%m-%dT%H:%M:%SZ"),
        pytest.param("zeros of a database", "%Y-%m-%d", marks=pytest.mark.slow),
        ("impossible days", "%m/%d/%Y"),
        ("words", "%d.%m.%Y %H:%M"),
    ],
)
def test_a_few_words_among_many_dates_are_missing_values(kind, form, tmp_path):
    words = NO_DAYS[kind]
    dates = DAYS.strftime(form).tolist()
    table = table_of([*words, *dates[len(words) :]])
    features = TableFeatures()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        rows = features.fit_transform(table)
    assert len(told) == 1
    assert f"missing: 'column' ({len(words)}, such as '{words[0]}')" in str(told[0].message)
    assert features.column_kinds_["column"] == "time"
    gaps = [1] * len(words) + [0] * (N - len(words))
    assert rows["column_missing"].tolist() == gaps
    expected = TableFeatures().fit_transform(table_of([None] * len(words) + dates[len(words) :]))
    np.testing.assert_array_equal(rows, expected)
    np.testing.assert_array_equal(quiet(features.transform, table), rows)
    for row in (0, 17):
        np.testing.assert_array_equal(quiet(features.transform, table.iloc[[row]]), rows[row:][:1])
    save(features, tmp_path / "m.lofe")
    np.testing.assert_array_equal(quiet(load(tmp_path / "m.lofe").transform, table), rows)
    with pytest.warns(UserWarning, match=r"treated as missing: 'column' \(1, such as 'abc'\)"):
        features.transform(table_of(["abc", *dates[1:]]))


@pytest.mark.parametrize("odd", [True, 3.0, 0])
def test_a_value_of_another_type_among_many_dates_is_a_missing_value(odd):
    table = table_of([odd, *DAYS.strftime("%d.%m.%Y %H:%M")[1:]])
    features = TableFeatures()
    with pytest.warns(UserWarning, match=r"missing: 'column' \(1, such as '[013]'\)"):
        rows = features.fit_transform(table)
    assert rows["column_missing"].tolist() == [1] + [0] * (N - 1)


def test_a_few_words_among_many_times_of_day_are_missing_values():
    clocks = [f"{i % 24:02}:{i:02}" for i in range(N - 1)]
    clocks.append(clocks[-1])  # no identifier
    table = table_of(["-", "25:99", *clocks[2:]])
    pipeline = table_pipeline(DeepSVDD(max_epochs=1, random_state=0))
    with pytest.warns(UserWarning, match=r"missing: 'column' \(2, such as '-'\)"):
        pipeline.fit(table)
    rows = quiet(pipeline[0].transform, table)
    assert pipeline[0].column_kinds_["column"] == "number"
    assert rows["column_missing"].tolist() == [1, 1] + [0] * (N - 2)
    reasons = explain(pipeline, table.iloc[[0]]).top(2)[0]
    assert {r.typical for r in reasons if r.feature == "column"} <= set(clocks)
    # A number among times may be seconds.
    with pytest.warns(UserWarning, match="form that is not read: 'column'.* in one form"):
        features = TableFeatures().fit(table_of(["7", *clocks[1:]]))
    assert features.column_kinds_["column"] == "text"


def test_times_of_web_servers_logs():
    when = pd.date_range("2026-01-03", periods=N, freq="29h", tz="UTC")
    logs = when.strftime("%d/%b/%Y:%H:%M:%S +0000")
    iso = when.strftime("%Y-%m-%dT%H:%M:%S+00:00")
    expected = TableFeatures().fit(table_of(iso)).transform(table_of(iso))
    for form in ("{}", "[{}]"):
        table = table_of([form.format(log) for log in logs])
        features = quiet(TableFeatures().fit, table)
        assert features.column_kinds_["column"] == "time"
        np.testing.assert_array_equal(features.transform(table), expected)
        np.testing.assert_array_equal(features.transform(table.iloc[[9]]), expected.iloc[[9]])
    without = table_of(when.strftime("%d/%b/%Y:%H:%M:%S"))
    np.testing.assert_array_equal(quiet(TableFeatures().fit_transform, without), expected)


PERIODS = {
    "weeks": ("W-SUN", "%G-W%V"),
    "weeks without a hyphen": ("W-SUN", "%GW%V"),
    "quarters": ("Q", "{0.year}Q{0.quarter}"),
    "quarters with a hyphen": ("Q", "{0.year}-Q{0.quarter}"),
    "quarters first": ("Q", "Q{0.quarter} {0.year}"),
    "quarters of Stata": ("Q", "{0.year}q{0.quarter}"),
    "calendar weeks": ("W-SUN", "KW %V/%G"),
    "calendar weeks last": ("W-SUN", "%G-KW%V"),
    "quarters of fiscal years": ("Q", "FY{0.year} Q{0.quarter}"),
    "months of Stata": ("M", "{0.year}m{0.month}"),
    "months of Eurostat": ("M", "{0.year}M{0.month:02}"),
}


@pytest.mark.parametrize("kind", PERIODS)
def test_weeks_months_and_quarters_are_their_first_day(kind):
    frequency, form = PERIODS[kind]
    periods = pd.period_range("2020-01-06", periods=N, freq=frequency)
    texts = [
        form.format(each) if "{" in form else each.start_time.strftime(form) for each in periods
    ]
    table = table_of(texts)
    features = TableFeatures()
    rows = quiet(features.fit_transform, table)
    assert features.column_kinds_["column"] == "time"
    np.testing.assert_array_equal(rows, TableFeatures().fit_transform(table_of(periods)))
    np.testing.assert_array_equal(features.transform(table.iloc[[9]]), rows.iloc[[9]])


@pytest.mark.parametrize(
    ("sample", "written"),
    [
        ("KW 51/2019", "KW 07/2020"),
        ("2019-KW51", "2020-KW07"),
        ("FY2019 Q4", "FY2020 Q1"),
        ("Q4 FY2019", "Q1 FY2020"),
    ],
)
def test_days_are_written_as_weeks_and_quarters(sample, written):
    assert day_like("2020-02-10", sample) == written
    assert in_iso_form(written) == ("2020-02-10" if "KW" in written else "2020-01-01")


def test_weeks_without_a_zero():
    weeks = pd.date_range("2020-01-06", periods=N, freq="7D").strftime("%G-W%V")
    rows = TableFeatures().fit_transform(table_of(weeks.str.replace("W0", "W")))
    np.testing.assert_array_equal(rows, TableFeatures().fit_transform(table_of(weeks)))


def test_a_day_of_a_week():
    days = pd.date_range("2020-12-28", periods=N)
    rows = TableFeatures().fit_transform(table_of(days.strftime("%G-W%V-%u")))
    np.testing.assert_array_equal(rows, TableFeatures().fit_transform(table_of(days)))


@pytest.mark.parametrize(
    "codes", [("7520Q3", "7520Q4", "9001Q1"), ("1234-W12", "5120-W07"), ("2000M13", "2000m123")]
)
def test_codes_that_look_like_weeks_and_quarters(codes):
    table = table_of([codes[i % len(codes)] for i in range(N)])
    features = TableFeatures()
    quiet(features.fit, table)
    assert features.column_kinds_["column"] != "time"
    assert features.typical_row_["column"][0] in codes


@pytest.mark.parametrize("n_codes", [4, 60])
def test_codes_with_a_zero_in_front_are_categories(n_codes, tmp_path):
    codes = [f"{1234 + 1009 * i:05}" for i in range(n_codes)]
    table = table_of((codes * N)[: 2 * N : 2] if n_codes < N else [*codes[:-1], codes[0]])
    table.loc[5, "column"] = "N/A"
    features = TableFeatures()
    rows = quiet(features.fit_transform, table)
    assert features.column_kinds_["column"] == "category"
    assert features.typical_row_["column"][0] == "01234"
    as_words = table_of([None if code == "N/A" else f"D{code}" for code in table["column"]])
    assert rows.shape == TableFeatures().fit_transform(as_words).shape
    save(features, tmp_path / "m.lofe")
    file = io.StringIO(table.to_csv(index=False))
    for other in (table, pd.read_csv(file)):  # there they are numbers
        np.testing.assert_array_equal(features.transform(other), rows)
        np.testing.assert_array_equal(load(tmp_path / "m.lofe").transform(other), rows)
    # As text and as a number, an unknown one is the same.
    new = (features.transform(table_of([code] * N)) for code in ("00999", 999))
    np.testing.assert_array_equal(*new)


@pytest.mark.parametrize(
    "texts",
    [["0830", "1215"], ["083000", "121559"], ["01", "12"], ["0.50", "1.25"], ["0", "1"]],
    ids=str,
)
def test_digits_that_are_no_codes_are_numbers(texts):
    features = quiet(TableFeatures().fit, table_of(texts * (N // 2)))
    assert features.column_kinds_["column"] == "number"


def test_missing_values_by_their_usual_names_are_not_told():
    features = TableFeatures()
    rows = quiet(features.fit_transform, with_words(["N/A", "", "null", None, "?"]))
    assert rows["column_missing"].tolist() == [1] * 5 + [0] * (N - 5)
    quiet(features.transform, with_words(["nan"]))


@pytest.mark.parametrize(
    "table",
    [
        with_words([f"word {i}" for i in range(9)]),  # too many different ones
        with_words(["-"] * 25),  # fewer than 40 numbers
        table_of(["5 kg", "6 kg", "heavy"] * (N // 3)),
    ],
)
def test_with_more_words_a_column_is_text(table):
    assert quiet(TableFeatures().fit, table).column_kinds_["column"] == "text"


def test_a_number_that_is_too_large_is_an_error():
    with pytest.raises(ValueError, match=r"infinity .inf in row 1"):
        TableFeatures().fit(table_of(["5 kg", "1e400 kg"] * (N // 2)))


def test_different_percentages_are_no_identifiers():
    # Each row another word with digits in it: they were dropped as one.
    features = quiet(TableFeatures().fit, table_of([f"{50 + size:.6f}%" for size in SIZES]))
    assert features.dropped_ == {}


@pytest.fixture(scope="module")
def bank():
    amounts = [f"{german(amount)} €" for amount in AMOUNTS]
    amounts[7] = "9.999.999.999,00 €"
    table = table_of(amounts)
    return table, table_pipeline(DeepSVDD(max_epochs=5, random_state=0)).fit(table)


def test_an_absurd_amount_is_on_top_with_its_reason(bank):
    table, pipeline = bank
    assert pipeline.score_samples(table).argmin() == 7
    [[reason]] = explain(pipeline, table.iloc[[7]]).top(1)
    assert (reason.feature, reason.value) == ("column", "9.999.999.999,00 €")
    assert reason.typical in set(table["column"])  # written as the user writes
    numbers = table_of(AMOUNTS).iloc[[7]].assign(column=9_999_999_999.0)
    [[reason]] = explain(pipeline, numbers).top(1)
    assert reason.typical in AMOUNTS


def test_a_saved_pipeline_reads_them_alike(bank, tmp_path):
    table, pipeline = bank
    save(pipeline, tmp_path / "m.lofe")
    again = load(tmp_path / "m.lofe")
    np.testing.assert_array_equal(again.score_samples(table), pipeline.score_samples(table))


CLASSES = [
    ["<=50K", ">50K"],
    ["<40", ">=40"],
    ["< 20 yrs", "> 20 yrs"],
    ["24-", "25+"],
    ["50-", "55-", "60-"],  # from 50 on, not below zero
    ["<1", "1", ">1"],
    ["<50 kg", "50+ kg"],
    ["18-24 years", "25-34 years", "65+ years"],
]


@pytest.mark.parametrize("texts", CLASSES, ids=str)
def test_classes_of_numbers_are_categories(texts):
    """As numbers "<=50K" and ">50K" would be one."""
    table = table_of(texts * (N // len(texts)))
    features = TableFeatures()
    rows = quiet(features.fit_transform, table)
    assert features.column_kinds_["column"] == "text"
    assert len(rows.drop(columns="size").drop_duplicates()) == len(texts)


@pytest.mark.parametrize(
    ("texts", "numbers"),
    [
        (["0", "1", "2+"], [0, 1, 2]),
        (["<0.1", "0.5", "0.7", "3", ">100"], [0.1, 0.5, 0.7, 3, 100]),
        (["<1", "<2", "<5"], [1, 2, 5]),
        (["< 1 year", "1 year", "2 years", "3 years", "10+ years"], [1, 1, 2, 3, 10]),
        (["10+mg", "5mg"], [10, 5]),
        (["1200-", "350", "20-"], [-1200, 350, -20]),
        (["1.200,00-", "3,50-"], [-1200, -3.5]),
        (["$1200-", "$350-", "$20-"], [-1200, -350, -20]),
        ([f"{7 * i}-" for i in range(1, 51)], [-7 * i for i in range(1, 51)]),
    ],
    ids=str,
)
def test_limits_and_minus_signs_among_numbers_stay_numbers(texts, numbers):
    rows = quiet(TableFeatures().fit_transform, table_of((texts * N)[:N]))
    expected = TableFeatures().fit_transform(table_of((numbers * N)[:N]))
    np.testing.assert_allclose(rows, expected)


@pytest.mark.parametrize("gap", [" ?", " NA", "N/A "])
@pytest.mark.parametrize("numbers", [range(N), [3, 4, 5] * (N // 3)], ids=["many", "few"])
def test_white_space_around_a_missing_value_does_not_matter(gap, numbers):
    """Files with ", " between the fields have it, such as those of the UCI repository."""
    texts = pd.Series([f" {number**1.5:.3f}" for number in numbers])
    texts[[3, 7]] = gap
    features = TableFeatures()
    rows = quiet(features.fit_transform, table_of(texts))
    expected = TableFeatures().fit_transform(table_of(pd.to_numeric(texts, errors="coerce")))
    pd.testing.assert_frame_equal(rows, expected)
    pd.testing.assert_frame_equal(quiet(features.transform, table_of(texts)), expected)


@pytest.mark.parametrize("gap", [".", "\\N", "#DIV/0!"])
def test_codes_of_programs_for_missing_values_are_missing_among_few_numbers(gap):
    texts = pd.Series(["3", "4", "5", gap] * (N // 4))
    with pytest.warns(UserWarning, match=r"treated as missing: 'column' \(15, such as "):
        rows = TableFeatures().fit_transform(table_of(texts))
    expected = TableFeatures().fit_transform(table_of(pd.to_numeric(texts, errors="coerce")))
    np.testing.assert_allclose(rows, expected)
    # Where half of the values are such, or the others are two, they may be a value.
    for others in (["3", "4", gap], ["3", "4", "5", gap, gap, gap, gap]):
        features = quiet(TableFeatures().fit, table_of((others * N)[:N]))
        assert features.column_kinds_["column"] == "text"


MORE_FORMS = [
    (["5'11\"", "6'", "5' 4\"", "4'10"], [71, 72, 64, 58]),  # feet and inches
    (["450 m2", "50 m²", "75.5 m^2"], [450, 50, 75.5]),
    (["4.6/5", "3/5", "1/5"], [4.6, 3, 1]),
    (["638,- €", "1.200,- €", "19,90 €"], [638, 1200, 19.9]),
    (["CHF 3'254.\u2013", "CHF 12.50", "CHF 7.\u2013"], [3254, 12.5, 7]),
    (["₹ 78.5 L", "₹ 2 L", "₹ 1.5 Cr"], [78.5e5, 2e5, 1.5e7]),
    (['24"', '27"', '31.5"'], [24, 27, 31.5]),
    (["Rs. 475/-", "Rs. 1,200/-", "Rs. 90/-"], [475, 1200, 90]),
    (["$(1,200.00)", "$3.50", "$ (7.25)"], [-1200, 3.5, -7.25]),
    (["₦1,200.50", "₦7.25", "-₦3.50"], [1200.5, 7.25, -3.5]),
    (["Rp 1.200.000", "Rp 750.500", "Rp 90.000"], [1_200_000, 750_500, 90_000]),
    (["RM1,200.50", "RM 7.25", "RM 30.00"], [1200.5, 7.25, 30]),
    (["AED 1,200.50", "AED 7.25", "AED 30"], [1200.5, 7.25, 30]),
    (["$30.50/hr", "$45.25/hr", "$18/hr"], [30.5, 45.25, 18]),
    (["$45K a year", "$120,000 a year", "$1.1M a year"], [45e3, 120e3, 1.1e6]),
    (["$30.50 USD", "$1,045.25 USD", "$7 USD"], [30.5, 1045.25, 7]),
    (["1.2K followers", "3M followers", "950 followers"], [1200, 3e6, 950]),
    (["7.9 x10^9/L", "12 x10^9/L", "450 x10^9/L"], [7.9e9, 12e9, 450e9]),
    (["1.2\u00d710⁵", "3\u00d710⁻²", "4\u00d710³"], [1.2e5, 0.03, 4e3]),
    (["52°30'N", "33°51'36\"S", "0°15.5' N"], [52.5, -33.86, 15.5 / 60]),
    (["-04°30'36\"", "+12°15'00\"", "+80°00'18\""], [-4.51, 12.25, 80.005]),
    (['="12.50"', '="7.25"', '="-3.00"'], [12.5, 7.25, -3]),  # guarded from spreadsheets
    (["'12.50", "'7.25", "'-3.00"], [12.5, 7.25, -3]),
    (["\u200e12.50", "7.25\u200b", "\ufeff-3.00"], [12.5, 7.25, -3]),  # signs that nobody sees
    (["42½", "43", "¾"], [42.5, 43, 0.75]),
    (["6 lb 13 oz", "7 lbs, 2 oz", "9 lb 0.5 oz"], [109, 114, 144.5]),
    (["5 ft 7 in", "6 ft 0 in", "4 ft 11 in"], [67, 72, 59]),
    (["12.5", "7.25", "8.5 kg"], [12.5, 7.25, 8.5]),  # the unit of fewer rows than half
    (["12.50", "7.25", "$8.50"], [12.5, 7.25, 8.5]),
]


@pytest.mark.parametrize(("texts", "numbers"), slow_but(MORE_FORMS[:4], MORE_FORMS))
def test_prices_heights_and_areas_as_people_write_them(texts, numbers):
    rows = quiet(TableFeatures().fit_transform, table_of((texts * N)[:N]))
    expected = TableFeatures().fit_transform(table_of((numbers * N)[:N]))
    np.testing.assert_allclose(rows, expected, atol=1e-6)


SIDES = [
    (["1,200.00 CR", "3.50 DR", "20.00 CR"], [1200, -3.5, 20]),
    (["₹1,200.00 Cr", "₹3.50 Dr", "₹20.00 Dr."], [1200, -3.5, -20]),
    (["3.200,50 S", "20,00 H", "7,25 S"], [-3200.5, 20, -7.25]),
    (["1,200.00", "3.50DR", "20.00"], [1200, -3.5, 20]),
    (["1,200.00", "3.50", "1,020.00 Cr"], [1200, 3.5, -1020]),  # a refund, not crores
    (["48.25N", "33.5S", "12.75N"], [48.25, -33.5, 12.75]),
    (["16.5° W", "7.25° E", "120° W"], [-16.5, 7.25, -120]),
]


@pytest.mark.parametrize(("texts", "numbers"), SIDES)
def test_letters_behind_numbers_that_are_their_sign(texts, numbers):
    table = table_of((texts * N)[:N])
    features = TableFeatures()
    rows = quiet(features.fit_transform, table)
    expected = TableFeatures().fit_transform(table_of((numbers * N)[:N]))
    np.testing.assert_allclose(rows, expected)
    for row in range(3):
        np.testing.assert_array_equal(features.transform(table.iloc[[row]]), rows.iloc[[row]])


def test_signs_that_are_letters_are_written_and_saved(tmp_path):
    table = table_of(["1,200.00 CR", "3.50 DR", "20.00 CR"] * (N // 3))
    features = TableFeatures().fit(table)
    save(features, tmp_path / "m.lofe")
    again = load(tmp_path / "m.lofe")
    np.testing.assert_array_equal(again.transform(table), features.transform(table))
    writing = again._columns["column"].writing
    assert [writing.written(number) for number in (20, -1200.5)] == ["20.00 CR", "1,200.50 DR"]


@pytest.mark.parametrize(
    ("texts", "numbers"),
    [
        (["1.5 Cr", "2.25 Cr", "850000"], [1.5e7, 2.25e7, 850_000]),  # crores
        (["5 S", "7 S", "9 S"], [5, 7, 9]),
        (["5 W", "7 kW", "9 W"], [5, 7000, 9]),
    ],
)
def test_letters_behind_numbers_that_are_units(texts, numbers):
    rows = quiet(TableFeatures().fit_transform, table_of((texts * N)[:N]))
    expected = TableFeatures().fit_transform(table_of((numbers * N)[:N]))
    np.testing.assert_allclose(rows, expected)


def test_different_debits_and_credits_are_no_identifiers():
    texts = [f"{1000 + i} {('CR', 'DR')[i % 2]}" for i in range(N)]
    assert quiet(TableFeatures().fit, table_of(texts)).dropped_ == {}


def test_letters_behind_some_numbers_are_kept():
    features = TableFeatures().fit(table_of(["12", "14", "12a"] * (N // 3)))
    assert features.column_kinds_["column"] == "text"


def test_wings_of_a_house_are_no_signs():
    features = quiet(TableFeatures().fit, table_of(["101N", "102S", "203N"] * (N // 3)))
    assert features.column_kinds_["column"] == "text"


def test_what_multiplies_a_number_is_written_before_its_unit():
    writing, _, _ = quantities_of(pd.Series(["7.9 x10^9/L", "12.5 x10^9/L"], dtype=object))
    assert writing.written(8.1e9) == "8.1 x10^9/L"
    writing, _, _ = quantities_of(pd.Series(["$45K/yr", "$52K/yr"], dtype=object))
    assert writing.written(48e3) == "$48K/yr"


def test_codes_that_are_guarded_from_spreadsheets():
    guarded = table_of(['="01234"', '="10115"', '="00999"'] * (N // 3))
    features = TableFeatures()
    rows = quiet(features.fit_transform, guarded)
    assert features.column_kinds_["column"] == "category"
    plain = table_of(["01234", "10115", "00999"] * (N // 3))
    np.testing.assert_array_equal(features.transform(plain), rows)


def test_heights_are_written_in_feet_and_inches():
    writing, _, _ = quantities_of(pd.Series(["5'11\"", "6'", "5'4\""]))
    assert writing.written(71) == "5'11\""
    assert writing.written(72) == "6'0\""


@pytest.mark.parametrize(
    ("texts", "number", "written"),
    [
        (["1.2e-5 mol", "3.4e-6 mol", "2.0e-5 mol"], 1.2e-5, "1.2e-05 mol"),
        (["1,5E-7 m", "2,0E-7 m"], -1.5e-7, "-1,5e-07 m"),
        (["1.2e23 mol", "2.5e22 mol"], 2.5e22, "2.5e+22 mol"),
        (["5 kg", "1 µg", "7 kg"], 1e-9, "1e-09 kg"),
        (["5 kg", "3 g", "7 kg"], 3e-3, "0.003 kg"),
        (["0.000012 g", "0.5 g"], 1.2e-5, "0.000012 g"),
        (["1.234,50 €", "12,00 €"], 1234.5, "1.234,50 €"),
        (["0.5 V", "1.0 V"], 0.0, "0.0 V"),
    ],
)
def test_numbers_in_reasons_keep_their_size(texts, number, written):
    writing, _, _ = quantities_of(pd.Series(texts, dtype=object))
    assert writing.written(number) == written


@pytest.mark.parametrize(
    ("text", "number"),
    [
        *(("33°51'36\"W", -33.86), ("-33°51'36\"", -33.86), ("33°51'36\"E", 33.86)),
        *(("5 ft 11.5 in", 71.5), ("$45K-67K", 56e3), ("$1.2B-2.4B", 1.8e9), ("5-5 kg", 5)),
    ],
)
def test_sides_units_and_ends(text, number):
    assert parts_of(text).number(".") == pytest.approx(number)


def test_ranges_have_no_sides_and_no_limits():
    assert parts_of("7.5-9.5 S").on_side(" S").number(".") == 8.5
    assert parts_of("10-15+ years") is None


@pytest.mark.parametrize("texts", [["1/4", "2/7"], ["45'", "90'"], ["5'30\"", "12'15\""]], ids=str)
def test_fractions_and_minutes_are_text(texts):
    features = quiet(TableFeatures().fit, table_of((texts * N)[:N]))
    assert features.column_kinds_["column"] == "text"


def far_range(lower, form):
    """Return texts of ranges, the widest of them in the row 7."""
    ends = [(low, low + 1 + i % 9) for i, low in enumerate(lower)]
    ends[7] = (90_000, 95_000)
    return [form.format(*each) for each in ends], [sum(each) / 2 for each in ends]


RANGES = [
    "{} - {} €",
    "${:,} - ${:,}",
    "${}K-${}K",
    "${}-{}K",
    "{}K to {}K",
    "{}\u2013{} years",
    "{}-{}%",
]


@pytest.mark.parametrize("form", RANGES)
def test_ranges_are_their_middle(form):
    texts, middles = far_range(range(11, 11 + N), form)
    features = TableFeatures()
    rows = quiet(features.fit_transform, table_of(texts))
    factor = 1000 if "K" in form else 1
    expected = TableFeatures().fit_transform(table_of([factor * middle for middle in middles]))
    np.testing.assert_allclose(rows, expected, rtol=1e-6)
    assert rows["column"].argmax() == 7
    np.testing.assert_array_equal(features.transform(table_of(texts).iloc[[7]]), rows.iloc[[7]])


@pytest.mark.parametrize(
    "form",
    ["{}-{}", "{}-1{} A", "{} kg - {} m", "{}-{}-30 kg", "0{}-0{} kg", "<{}-{} kg", "{1}-{0} W"],
)
def test_codes_and_results_are_no_ranges(form):
    texts, _ = far_range(range(11, 11 + N), form)
    if form.endswith("A"):  # such codes go down too
        texts = [f"{75 - i}-{11 + i} A" for i in range(N)]
    features = TableFeatures()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        features.fit(table_of(texts))
    assert features.column_kinds_.get("column", "text") == "text"


def test_both_ends_of_a_range_have_the_decimal_sign_of_the_column():
    texts = [f"{i}.000 - {i + 2}.500,50 €" for i in range(1, N + 1)]
    rows = quiet(TableFeatures().fit_transform, table_of(texts))
    middles = [1000 * i + 1250.25 for i in range(1, N + 1)]
    np.testing.assert_allclose(rows, TableFeatures().fit_transform(table_of(middles)), rtol=1e-6)


@pytest.mark.parametrize(
    ("one", "several"),
    [
        *(("child", "children"), ("person", "people"), ("box", "boxes"), ("entry", "entries")),
        *(("match", "matches"), ("class", "classes"), ("tie", "ties"), ("foot", "feet")),
        *(("guest review", "guest reviews"), ("bottle of wine", "bottles of wine")),
    ],
)
def test_one_thing_is_in_the_unit_of_several(one, several):
    numbers = [i % 45 for i in range(N)]
    texts = [f"{i} {one if i == 1 else several}" for i in numbers]
    rows = quiet(TableFeatures().fit_transform, table_of(texts))
    np.testing.assert_allclose(rows, TableFeatures().fit_transform(table_of(numbers)))


def test_shares_beside_percentages_are_told():
    texts = [f"{30 + i} %" for i in range(N)]
    for few in (["0.5", "0.25"], ["0,5"]):
        with pytest.warns(UserWarning, match=rf"'column' \({len(few)}, such as '{few[0]}'\)"):
            features = TableFeatures().fit(table_of(few + texts[len(few) :]))
        assert features.column_kinds_["column"] == "number"
    for plain in (["0", "1"], ["50", "0.5"]):
        quiet(TableFeatures().fit, table_of(plain + texts[2:]))
    small = [f"{i / N:.2f} %" for i in range(1, N)]
    quiet(TableFeatures().fit, table_of(["0.5", *small]))
