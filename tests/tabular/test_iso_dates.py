"""Dates of ISO 8601 in several forms in one column: with and without fractions and clocks."""

import warnings

import numpy as np
import pytest

from lofe_sklearn import LOE, AutoEncoder
from lofe_sklearn.inspection import explain
from lofe_sklearn.tabular import TableFeatures, table_pipeline

pytest.importorskip("skrub", reason="needs skrub; pip install 'lofe-sklearn[table]'")
import pandas as pd

N = 120
TIMES = pd.Series(pd.date_range("2026-01-01 00:05", periods=N, freq="31h"))
THIRD, ONE = np.arange(N) % 3 == 1, np.arange(N) == 50
FORMS = {
    "a fraction in some": (TIMES + pd.to_timedelta(123 * THIRD, "ms"), "T"),
    "a fraction in one": (TIMES + pd.to_timedelta(1 * ONE, "us"), " "),
    "a fraction in most": (TIMES + pd.to_timedelta(5 * ~THIRD, "ms"), "T"),
}


def table_of(days):
    return pd.DataFrame({"number": np.arange(len(days)) ** 1.5, "day": list(days)})


@pytest.mark.parametrize("zone", ["", "Z", "+02:00"])
@pytest.mark.parametrize("forms", FORMS)
def test_the_features_are_those_of_the_times(forms, zone):
    times, between = FORMS[forms]
    texts = [time.isoformat(sep=between) + zone for time in times]  # no fraction where it is zero
    dates = times if not zone else times.dt.tz_localize("UTC")
    dates = dates - pd.Timedelta(hours=2) if zone == "+02:00" else dates
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        features = TableFeatures().fit(table_of(texts))
    assert features.column_kinds_["day"] == "time"
    expected = TableFeatures().fit_transform(table_of(dates))
    for given in (table_of(texts), table_of(dates)):
        pd.testing.assert_frame_equal(features.transform(given), expected)
    pd.testing.assert_frame_equal(features.transform(table_of(texts).iloc[[7]]), expected.iloc[[7]])


def test_days_alone_and_other_separators_among_times():
    texts = [str(time.date()) if time.hour < 8 else str(time)[:16] for time in TIMES]
    texts[20:50] = [text.replace(" ", "T") for text in texts[20:50]]
    features = TableFeatures().fit(table_of(texts))
    dates = table_of(pd.to_datetime(pd.Series(texts), format="ISO8601"))
    np.testing.assert_array_equal(
        features.transform(table_of(texts)), TableFeatures().fit_transform(dates)
    )


def test_gaps_and_words_among_them_are_missing():
    texts = [time.isoformat() for time in FORMS["a fraction in some"][0]]
    texts[3], texts[60], texts[61] = "soon", None, " "
    with pytest.warns(UserWarning, match=r"treated as missing: 'day' \(1, such as 'soon'\)"):
        features = TableFeatures().fit(table_of(texts))
    found = features.transform(table_of(texts))
    assert np.flatnonzero(found["day_missing"]).tolist() == [3, 60, 61]
    with pytest.raises(ValueError, match="'day' have a time zone, but those of the fit had none"):
        features.transform(table_of(["2026-01-03T10:00:00Z"] * 3))


def test_times_with_a_zone_in_another_form_than_the_fits():
    features = TableFeatures().fit(table_of(TIMES.dt.strftime("%Y-%m-%dT%H:%M:%SZ")))
    texts = ["2026-01-03T10:00:00.250Z", "2026-01-03 11:00+01:00", " 2026-01-03T08:00:00.0-0200"]
    times = table_of([pd.Timestamp(text.strip()).tz_convert("UTC") for text in texts])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = features.transform(table_of(texts))
    np.testing.assert_array_equal(found, features.transform(times))
    assert found["day_hour_circular_0"].nunique() == 1


def test_reasons_are_in_a_form_of_iso_8601():
    texts = [time.isoformat() + "Z" for time in FORMS["a fraction in some"][0]]
    detector = LOE(AutoEncoder(max_epochs=2), contamination=0.05, evidence=None, random_state=0)
    pipeline = table_pipeline(detector).fit(table_of(texts))
    reasons = explain(pipeline, table_of(texts).iloc[:2])
    typical = reasons.typical[list(reasons.feature_names).index("day")]
    assert pd.Timestamp(typical).tzinfo is not None
    assert isinstance(typical, str)
