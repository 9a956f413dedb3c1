"""Dates in text in the formats of exports that skrub does not read: two-digit years, am and pm."""

import io
import warnings

import numpy as np
import pytest
from conftest import slow_but

from lofe_sklearn import LOE, AutoEncoder, load, save
from lofe_sklearn.inspection import explain
from lofe_sklearn.tabular import TableFeatures, table_pipeline
from lofe_sklearn.tabular._short_years import first_year_of, from_year

pytest.importorskip("skrub", reason="needs skrub; pip install 'lofe-sklearn[table]'")
import pandas as pd

N = 120
DAYS = pd.Series(pd.date_range("2026-01-01 00:05", periods=N, freq="31h"))
FORMATS = [
    *("%d.%m.%y", "%m/%d/%y", "%d/%m/%y", "%y-%m-%d", "%d-%m-%y", "%d-%b-%y", "%d %b %y"),
    *("%b %d, %Y", "%a %b %d %Y", "%b %Y", "%d.%m.%y %H:%M", "%m/%d/%y %I:%M %p"),
    *("%m/%d/%Y %I:%M:%S %p", "%d.%m.%Y, %H:%M", "%Y-%m-%d %H:%M:%S,%f"),
    # Of the web, SAS and SQL Server, with the time in front, of Unix and Japan.
    *("%a, %d %b %Y %H:%M:%S GMT", "%d%b%Y", "%b %d %Y %I:%M%p", "%H:%M %d/%m/%Y"),
    *("%a %b %d %H:%M:%S %Y", "%d%b%Y:%H:%M:%S", "%Y年%m月%d日", "%b-%Y", "%d.%m.%Y %H.%M"),
]


def table_of(texts):
    return pd.DataFrame(
        {"number": np.arange(N) ** 1.5, "day": pd.Series(list(texts), dtype=object)}
    )


def table_of_times(times):
    return pd.DataFrame({"number": np.arange(N) ** 1.5, "day": times})


def without_zeros(texts):
    """Write 01/07/26 as 1/7/26, as Excel does."""
    return texts.str.replace(r"\b0(\d)(?=[./])", r"\1", regex=True)


@pytest.mark.parametrize("zeros", slow_but([False], [True, False]))
@pytest.mark.parametrize("how", slow_but(FORMATS[:-5], FORMATS))
def test_the_features_are_those_of_the_dates(how, zeros):
    texts = DAYS.dt.strftime(how)
    dates = pd.to_datetime(texts, format=how)
    features = TableFeatures().fit(table_of(texts if zeros else without_zeros(texts)))
    assert features.column_kinds_["day"] == "time"
    assert features.dropped_ == {}
    expected = TableFeatures().fit_transform(table_of(dates))
    rows = table_of(texts if zeros else without_zeros(texts))
    for given in (rows, table_of(dates)):  # tomorrow's table may have dates, too
        pd.testing.assert_frame_equal(features.transform(given), expected)
    pd.testing.assert_frame_equal(features.transform(rows.iloc[[7]]), expected.iloc[[7]])


@pytest.mark.parametrize("how", ["%b-%y", "%b '%y", "%b'%y"])
def test_months_as_spreadsheets_write_them(how):
    days = pd.Series(pd.date_range("2015-01-01", periods=N, freq="MS"))
    features = TableFeatures().fit(table_of(days.dt.strftime(how)))
    assert features.column_kinds_["day"] == "time"
    rows = features.transform(table_of(days.dt.strftime(how)))
    pd.testing.assert_frame_equal(rows, TableFeatures().fit_transform(table_of(days)))


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("1938-02-03", "2006-05-04"),  # births
        ("1945-02-03", "1999-05-04"),
        ("2020-02-03", "2085-05-04"),  # ends of long contracts
        ("1971-02-03", "2026-05-04"),
        ("2066-02-03", "2068-05-04"),
    ],
)
@pytest.mark.parametrize("how", ["%d.%m.%y", "%m/%d/%y", "%d-%b-%y"])
def test_years_of_two_digits_lie_together(first, last, how, tmp_path):
    """As Python reads them, 1968 would be 2068."""
    days = pd.Series(pd.date_range(first, last, periods=N)).dt.floor("D")
    features = TableFeatures().fit(table_of(days.dt.strftime(how)))
    expected = TableFeatures().fit_transform(table_of(days))
    save(features, tmp_path / "m.lofe")
    for fitted in (features, load(tmp_path / "m.lofe")):
        for rows in (slice(None), slice(3, 4), slice(N - 1, None)):
            given = table_of(days.dt.strftime(how)).iloc[rows]
            pd.testing.assert_frame_equal(fitted.transform(given), expected.iloc[rows])


@pytest.mark.parametrize(
    ("years", "first"),
    [
        ([1972, 2000, 2067], 1967),  # five years lie between 1967 and 1972
        ([1973, 2000, 2067], None),  # six do
        (list(range(1972, 2068, 5)), None),  # no gap is longer than the one at Python's limit
        ([1970, 1971, 2066, 2067, 2068], 2066),  # most of them
        ([1970, 1971, 2067, 2068], 1967),
        ([1969, 1970], None),
        ([2068], None),
    ],
)
def test_the_first_year_follows_the_longest_gap(years, first):
    dates = pd.Series(pd.to_datetime([f"{year}-06-30" for year in years]))
    assert first_year_of(dates) == first
    moved = from_year(dates, first)
    if first is not None:
        assert moved.dt.year.between(first, first + 99).all()
    np.testing.assert_array_equal(moved.dt.year % 100, dates.dt.year % 100)


def test_a_date_far_from_others_does_not_move_them():
    days = DAYS.dt.floor("D").copy()
    days[5] = pd.Timestamp("1970-01-01")
    features = TableFeatures().fit(table_of(days.dt.strftime("%d.%m.%y")))
    rows = features.transform(table_of(days.dt.strftime("%d.%m.%y")))
    pd.testing.assert_frame_equal(rows, TableFeatures().fit_transform(table_of(days)))


OF_MAIL, OF_TWEETS = "%a, %d %b %Y %H:%M:%S %z", "%a %b %d %H:%M:%S %z %Y"


@pytest.mark.parametrize("how", slow_but([OF_MAIL], [OF_MAIL, OF_TWEETS]))
def test_times_of_mail_and_tweets_are_in_utc(how):
    """Each has its own offset."""
    zones = np.where(np.arange(N) % 2, "+0530", "-0800")
    texts = [f"{day:{how.replace('%z', zone)}}" for day, zone in zip(DAYS, zones, strict=True)]
    away = np.where(np.arange(N) % 2, 5.5, -8.0)
    times = (DAYS - pd.to_timedelta(away, unit="h")).dt.tz_localize("UTC")
    expected = TableFeatures().fit_transform(table_of_times(times))
    features = TableFeatures().fit(table_of(texts))
    for table in (table_of(texts), table_of_times(times), table_of_times(times.astype(str))):
        pd.testing.assert_frame_equal(features.transform(table), expected)
    pd.testing.assert_frame_equal(features.transform(table_of(texts).iloc[[7]]), expected.iloc[[7]])


def test_reasons_write_times_of_mail_as_the_table_has_them():
    texts = DAYS.dt.strftime("%a, %d %b %Y %H:%M:%S +0000")
    pipeline = table_pipeline(LOE(AutoEncoder(max_epochs=2), contamination=0.1))
    pipeline.fit(table_of(texts))
    assert explain(pipeline, table_of(texts)[:1]).typical[1] in set(texts)


@pytest.mark.parametrize("how", slow_but(["%d-%B-%Y"], ["%d-%B-%Y", "%d-%b-%Y", "%b-%d-%Y"]))
def test_dates_of_one_word_are_no_identifiers(how):
    features = TableFeatures().fit(table_of(DAYS.dt.strftime(how)))
    assert features.column_kinds_["day"] == "time"


def test_words_among_dates_are_missing_with_a_warning():
    texts = DAYS.dt.strftime("%d.%m.%y").mask(np.arange(N) == 5, "open")
    with pytest.warns(UserWarning, match=r"treated as missing: 'day' \(1, such as 'open'\)"):
        features = TableFeatures().fit(table_of(texts))
    assert features.column_kinds_["day"] == "time"
    assert features.transform(table_of(texts))["day_missing"].idxmax() == 5


def test_a_text_that_is_no_date_tomorrow_is_named():
    features = TableFeatures().fit(table_of(DAYS.dt.strftime("%d.%m.%y")))
    odd = table_of(DAYS.dt.strftime("%d.%m.%y").mask(np.arange(N) == 3, "31.02.26"))
    with pytest.warns(UserWarning, match=r"'day' \(1, such as '31.02.26'\)"):
        features.transform(odd)


@pytest.mark.parametrize("how", ["%d/%m/%y", "%m/%d/%y", "%y-%m-%d", "%d-%m-%y"])
def test_days_and_months_are_told_apart_by_the_shortest_span(how):
    # The first twelve days of January, not the first days of twelve months.
    first = pd.Series(pd.date_range("2026-01-01", periods=12).repeat(10))
    features = TableFeatures().fit(table_of(first.dt.strftime(how)))
    expected = TableFeatures().fit_transform(table_of(first))
    rows = features.transform(table_of(first.dt.strftime(how)))
    pd.testing.assert_frame_equal(rows, expected)


@pytest.mark.parametrize(
    "texts",
    [
        [f"{1 + i % 3}.{i % 7}.{i % 13}" for i in range(N)],  # versions
        [f"10.0.{i % 3}.{i}" for i in range(N)],  # addresses
        [f"{110 + i % 30}/{70 + i % 20}" for i in range(N)],  # blood pressures
        [f"580-{i:03}-4321" for i in range(N)],  # telephones
    ],
)
def test_other_texts_of_numbers_and_signs_are_no_dates(texts):
    assert TableFeatures(keep=["day"]).fit(table_of(texts)).column_kinds_["day"] == "text"


@pytest.mark.parametrize("how", ["%Y%m%d", "%Y%m%dT%H%M%S", "%d-%b-%Y"])
def test_different_dates_of_digits_and_letters_are_no_identifiers(how):
    features = TableFeatures().fit(table_of(DAYS.dt.strftime(how)))
    assert features.column_kinds_["day"] == "time"


def test_numbers_of_four_digits_are_no_years():
    # The table of a program that passes all values as text, as that of Google Sheets does.
    numbers = pd.Series(1000 + 60 * np.arange(N))
    features = TableFeatures().fit(table_of(numbers.astype(str)))
    expected = TableFeatures().fit(table_of(numbers))
    assert features.column_kinds_["day"] == "number"
    more = numbers.replace(1060, 950_000)
    given = features.transform(table_of(more.astype(str)))
    pd.testing.assert_frame_equal(given, expected.transform(table_of(more)))


def test_reasons_and_files_have_the_dates_as_they_were_written(tmp_path):
    table = table_of(DAYS.dt.strftime("%d.%m.%y"))
    table.loc[9, "day"] = "03.03.99"
    detector = LOE(AutoEncoder(max_epochs=20), contamination=0.02, random_state=0)
    pipeline = table_pipeline(detector).fit(table)
    scores = pipeline.score_samples(table)
    assert scores.argmin() == 9
    [[reason]] = explain(pipeline, table.iloc[[9]]).top(1)
    assert (reason.feature, reason.value, reason.typical) == ("day", "03.03.99", "18.03.26")
    save(pipeline, tmp_path / "model.lofe")
    read = pd.read_csv(io.StringIO(table.to_csv(index=False)))
    np.testing.assert_array_equal(load(tmp_path / "model.lofe").score_samples(read), scores)


FAR_FORMS = {
    "seconds": lambda days: days.astype("datetime64[s]"),
    "microseconds": lambda days: days.astype("datetime64[us]"),
    "zone": lambda days: days.dt.tz_localize("Asia/Tokyo"),
    "dates": lambda days: days.dt.date,
    "iso": lambda days: days.dt.strftime("%Y-%m-%d"),
    "german": lambda days: days.dt.strftime("%d.%m.%Y"),
    "periods": lambda days: days.dt.to_period("D"),
}


@pytest.mark.parametrize("far", ["9999-12-31", "1066-10-14"])
@pytest.mark.parametrize("form", FAR_FORMS)
def test_dates_that_nanoseconds_do_not_hold(form, far):
    # "No end" is often written as the last day of the year 9999.
    days = pd.Series(pd.date_range("2020-01-06", periods=N, freq="14D")).astype("datetime64[s]")
    ends = days.copy()
    ends[3] = pd.Timestamp(np.datetime64(far, "s"))
    numbers = np.arange(N) ** 1.5

    def table(times):
        return pd.DataFrame({"number": numbers, "day": FAR_FORMS[form](times)})

    rows = TableFeatures().fit_transform(table(ends))["day_total_seconds"]
    assert rows.abs().idxmax() == 3
    assert np.sign(rows[3]) == (1 if far > "2020" else -1)
    # Whatever the form, it is the same moment, up to the hours of the zone.
    seconds = ends.to_numpy().astype("datetime64[s]").astype(float)
    expected = (seconds - seconds.mean()) / seconds.std()
    np.testing.assert_allclose(rows, expected, atol=1e-3)
    # The year does not count where the fit spans less than one, and a warning shows the date.
    short = TableFeatures().fit(table(days[0] + (days - days[0]) / 14))
    with pytest.warns(UserWarning, match=f"such as {far}; in the fit 2020-01-06"):
        short.transform(table(ends))


def test_reasons_have_durations_that_nanoseconds_do_not_hold():
    spans = pd.Series(np.arange(N) ** 2 + 10**11, dtype=float).astype("timedelta64[s]")
    table = pd.DataFrame({"number": np.arange(N) ** 1.5, "span": spans})
    detector = LOE(AutoEncoder(max_epochs=2), contamination=0.05, evidence=None, random_state=0)
    pipeline = table_pipeline(detector).fit(table)
    typical = explain(pipeline, table.iloc[:2]).typical
    assert typical[1].total_seconds() == pytest.approx(spans.dt.total_seconds().median())


@pytest.mark.parametrize("how", ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%d/%m/%Y %H:%M:%S"])
def test_times_of_iso_8601_in_another_form_than_the_fits(how):
    # As pandas writes a day whose times are all 00:00:00.
    days = pd.date_range("2024-01-01", periods=60, freq="5h")
    size = np.arange(60) ** 1.5
    features = TableFeatures().fit(pd.DataFrame({"size": size, "day": days.strftime(how)}))
    assert features.column_kinds_["day"] == "time"
    texts = ["2024-01-03", "2024-01-03T10:00:00", " 2024-01-03 10:00", "2024-01-03 10:00:00.000"]
    others = pd.DataFrame({"size": size[:4], "day": texts})
    times = others.assign(day=pd.to_datetime(others["day"].str.strip(), format="ISO8601"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(features.transform(others), features.transform(times))
    for odd in ("2024-13-03", "2024", "2024-01-03T10:00:00Z", "03.01.2024", "soon"):
        with pytest.warns(UserWarning, match="treated as missing: 'day'"):
            missing = features.transform(others.assign(day=odd))
        gaps = others.assign(day=None)
        with pytest.warns(UserWarning, match="no missing values in the fit"):
            np.testing.assert_array_equal(missing, features.transform(gaps))


def test_times_of_iso_8601_with_several_offsets_beside_those_of_mail():
    size = np.arange(60) ** 1.5
    days = pd.date_range("2024-01-01", periods=60, freq="5h", tz="UTC")
    how = "%a, %d %b %Y %H:%M:%S %z"
    features = TableFeatures().fit(pd.DataFrame({"size": size, "day": days.strftime(how)}))
    assert features.column_kinds_["day"] == "time"
    texts = ["2024-01-03T10:00:00+01:00", "2024-01-03T10:00:00-05:00", "2024-01-03 10:00:00Z"]
    others = pd.DataFrame({"size": size[:3], "day": texts})
    mail = others.assign(
        day=pd.to_datetime(others["day"], format="ISO8601", utc=True).dt.strftime(how)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(features.transform(others), features.transform(mail))


MONTHS = {
    "German": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "French": "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.",
    "Spanish": "ene feb mar abr may jun jul ago sep oct nov dic",
    "Italian": "gen feb mar apr mag giu lug ago set ott nov dic",
    "Portuguese": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro"
    " dezembro",
    "Dutch": "jan feb mrt apr mei jun jul aug sep okt nov dec",
    "Polish": "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października"
    " listopada grudnia",
    "English": "Jan Feb Mar Apr May June July Aug Sept Oct Nov Dec",
}
ORDINALS = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd", 31: "st"}
NAMED = {
    "German": "{d.day}. {m} {d.year}",
    "French": "{d.day} {m} {d.year}",
    "Spanish": "{d.day:02}/{m}/{d.year}",
    "Italian": "{d.day}-{m}-{d:%y}",
    "Portuguese": "{d.day} de {m} de {d.year}",
    "Dutch": "{d.day} {m} {d.year}",
    "Polish": "{d.day} {m} {d.year}",
    "English": "{m} {d.day}{o}, {d.year}",
}


@pytest.mark.parametrize("language", slow_but(["German", "Spanish", "Polish", "English"], NAMED))
def test_names_of_months(language, tmp_path):
    days = pd.Series(pd.date_range("2024-01-01", periods=N, freq="D") + pd.to_timedelta(9, "D"))
    days = days + pd.to_timedelta(np.arange(N) * 3, "D")
    names = MONTHS[language].split()
    texts = [
        NAMED[language].format(d=d, m=names[d.month - 1], o=ORDINALS.get(d.day, "th")) for d in days
    ]
    table = table_of(texts)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        features = TableFeatures().fit(table)
        assert features.column_kinds_["day"] == "time"
        expected = TableFeatures().fit_transform(table_of(days))
        pd.testing.assert_frame_equal(features.transform(table), expected)
        pd.testing.assert_frame_equal(features.transform(table_of(days)), expected)
        save(features, tmp_path / "m.lofe")
        alone = load(tmp_path / "m.lofe").transform(table.iloc[[7]])
    pd.testing.assert_frame_equal(alone, expected.iloc[[7]])


@pytest.mark.parametrize(
    ("first", "year"), [("1938-02-03", "%y"), ("1938-02-03", "%Y"), ("1850-02-03", "%Y")]
)
def test_years_of_two_digits_lie_together_beside_names_of_months(first, year):
    days = pd.Series(pd.date_range(first, "2006-05-04", periods=N)).dt.floor("D")
    names = MONTHS["Italian"].split()
    table = table_of([f"{d.day}-{names[d.month - 1]}-{d:{year}}" for d in days])
    features = TableFeatures().fit(table)
    expected = TableFeatures().fit_transform(table_of(days))
    for rows in (slice(None), slice(3, 4), slice(N - 1, None)):
        pd.testing.assert_frame_equal(features.transform(table.iloc[rows]), expected.iloc[rows])


TIMES = {
    "Oracle": lambda d: f"{d:%d-%b-%y %I.%M.%S.000000000 %p}".upper(),
    "points": lambda d: f"{d:%m/%d/%Y %I:%M} {'ap'[d.hour // 12]}.m.",
    "spaces": lambda d: f"{d:%d/%m/%Y %I:%M} {'ap'[d.hour // 12]}.\u00a0m.",
    "summer": lambda d: f"{d:%d.%m.%Y %H:%M} {'CEST' if 3 < d.month < 11 else 'CET'}",
    "eastern": lambda d: f"{d:%Y-%m-%d %H:%M:%S} EST",
    "weekday": lambda d: f"{'MDMDFSS'[d.weekday()]}{'oioirao'[d.weekday()]}, {d:%d.%m.%Y %H:%M}",
    "at": lambda d: f"{d:%d}. Juni {d:%Y} um {d:%H:%M} Uhr",
}


@pytest.mark.parametrize("kind", TIMES)
def test_times_with_points_zones_and_weekdays(kind):
    days = DAYS.dt.floor("min")
    days = (
        days.map(lambda day: day.replace(month=6, day=min(day.day, 30))) if kind == "at" else days
    )
    table = table_of([TIMES[kind](day) for day in days])
    features = TableFeatures().fit(table)
    assert features.column_kinds_["day"] == "time"
    expected = TableFeatures().fit_transform(table_of(days))
    pd.testing.assert_frame_equal(features.transform(table), expected)
    pd.testing.assert_frame_equal(features.transform(table.iloc[[9]]), expected.iloc[[9]])


def test_reasons_write_days_of_other_languages():
    names = MONTHS["German"].split()
    table = table_of([f"{d.day}. {names[d.month - 1]} {d.year}" for d in DAYS])
    pipeline = table_pipeline(LOE(AutoEncoder(max_epochs=1), contamination=0.1, random_state=0))
    pipeline.fit(table)
    reasons = [reason for row in explain(pipeline, table.iloc[:5]).top(2) for reason in row]
    typical = {reason.typical for reason in reasons if reason.feature == "day"}
    assert typical == {str(DAYS.dt.floor("D").sort_values().iloc[(N - 1) // 2].date())}


def test_times_of_browsers_are_in_utc():
    stamps = [f"{d:%a %b %d %Y %H:%M:%S} GMT+0100 (Central European Time)" for d in DAYS]
    times = (DAYS.dt.floor("s") - pd.Timedelta(hours=1)).dt.tz_localize("UTC")
    features = TableFeatures().fit(table_of(stamps))
    expected = TableFeatures().fit_transform(table_of_times(times))
    pd.testing.assert_frame_equal(features.transform(table_of(stamps)), expected)


@pytest.mark.parametrize(
    "texts", [["5 Mehl 2024", "7 Marke 2025"], ["Amt 5 Mai 2024", "Rat 1 Mai 2024"]], ids=str
)
def test_words_that_are_no_months_or_weekdays(texts):
    features = TableFeatures().fit(table_of((texts * N)[:N]))
    assert features.column_kinds_["day"] == "text"
