"""Reasons: planted anomalies are blamed, contributions add up, and bad input is refused."""

import copy
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from conftest import BACKBONES, TELLING, slow_but
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.studies.reasons import hits, plant
from lofe_sklearn import LOE, AutoEncoder, DeepSVDD, LOESearchCV, MHRot
from lofe_sklearn._reasons import occlude, typical_values
from lofe_sklearn._reasons._plain_rows import PlainRows
from lofe_sklearn.datasets import fetch_odds, load_thyroid
from lofe_sklearn.inspection import Explanation, Reason, explain
from lofe_sklearn.tabular import TableFeatures

NAMES = list("abcd")
TABLES = [each for each in BACKBONES if each is not MHRot]


def rows(n=60, d=4):
    X = np.random.default_rng(0).normal(size=(n, d))
    X[0, 2] = 9.0
    return X


@pytest.fixture(scope="module")
def fitted():
    return DeepSVDD(max_epochs=20, random_state=0).fit(rows())


def explained(score, X, typical, groups=None):
    part_of = np.arange(X.shape[1]) if groups is None else np.asarray(groups)
    return occlude(score, PlainRows(X, np.asarray(typical, dtype=float), part_of), "Test")


# What contributions are.


def test_a_sum_over_features_is_taken_apart():
    X, typical = rows(5, 3), np.array([0.5, -1.0, 2.0])
    found = explained(lambda Z: -np.square(Z) @ [1.0, 2.0, 3.0], X, typical)
    expected = (np.square(X) - np.square(typical)) * [1.0, 2.0, 3.0]
    np.testing.assert_allclose(found.contributions, expected, atol=1e-12)
    assert found.typical_score == pytest.approx(-0.25 - 2.0 - 12.0)


def test_pairs_are_shared_as_by_shapley():
    X = np.array([[2.0, 3.0, 1.0]])
    found = explained(lambda Z: -Z[:, 0] * Z[:, 1] - Z[:, 2], X, np.zeros(3))
    np.testing.assert_allclose(found.contributions, [[3.0, 3.0, 1.0]])
    np.testing.assert_allclose(found.contributions.sum(axis=1), found.typical_score - found.scores)


def test_features_that_are_each_enough_are_both_blamed():
    X = np.array([[5.0, 5.0, 0.0]])
    found = explained(lambda Z: -Z.max(axis=1), X, np.zeros(3))
    np.testing.assert_allclose(found.contributions, [[2.5, 2.5, 0.0]])


def test_values_that_are_typical_are_not_scored():
    seen = []

    def score(Z):
        seen.append(len(Z))
        return -Z.sum(axis=1)

    X = np.zeros((3, 1000))
    X[0, [3, 7]] = 1.0
    found = explained(score, X, np.zeros(1000))
    assert sum(seen) == 1 + 3 + 2 * 2  # the typical row, the rows, two scores for each value
    assert (found.contributions[1:] == 0).all()
    assert found.contributions[0].nonzero()[0].tolist() == [3, 7]


def test_chunks_change_nothing(monkeypatch):
    X = rows(9, 6)
    expected = explained(lambda Z: -np.abs(Z).prod(axis=1), X, np.ones(6))
    monkeypatch.setattr("lofe_sklearn._reasons._occlusion._CHUNK_VALUES", 30)
    largest = []

    def score(Z):
        largest.append(Z.size)
        return -np.abs(Z).prod(axis=1)

    found = explained(score, X, np.ones(6))
    np.testing.assert_array_equal(found.contributions, expected.contributions)
    np.testing.assert_array_equal(found.scores, expected.scores)
    assert max(largest) <= 30


def test_scores_must_be_finite():
    with pytest.raises(ValueError, match="Test: a row that has .* has the score nan"):
        explained(lambda Z: np.where(Z.sum(axis=1) > 0, np.nan, 0.0), rows(), np.zeros(4))


# Typical values.


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_matrix, sparse.csr_array])
def test_typical_values_are_medians_that_occur(container):
    X = np.round(np.random.default_rng(0).normal(size=(40, 6)), 1)
    X[:, 1], X[:25, 2], X[:19, 3], X[:, 4] = 7.0, 0.0, 0.0, np.abs(X[:, 4]) + 1
    found = typical_values(container(X))
    np.testing.assert_array_equal(found, np.sort(X, axis=0)[19])


def test_typical_values_of_many_rows(monkeypatch):
    monkeypatch.setattr("lofe_sklearn._reasons._typical._ENOUGH_ROWS", 11)
    assert typical_values(np.arange(101.0)[:, None]) == [50.0]


def test_members_and_copies_know_typical_values():
    X = rows()
    loe = LOE(
        DeepSVDD(max_epochs=2), n_estimators=3, max_features=0.5, contamination=0.1, random_state=0
    ).fit(X)
    for member, features in zip(loe.estimators_, loe.estimators_features_, strict=True):
        found = member.explain(X[:2, features])
        np.testing.assert_array_equal(found.typical, typical_values(X)[features])
    again = copy.deepcopy(loe)
    np.testing.assert_array_equal(
        again.explain(X[:2]).contributions, loe.explain(X[:2]).contributions
    )


# Every detector.


def test_scores_and_sums(detector):
    X = np.random.default_rng(0).normal(size=(40, 9))
    detector.fit(X)
    found = detector.explain(X[:3])
    assert isinstance(found, Explanation)
    assert found.contributions.shape == (3, 9)
    assert found.contributions.dtype == found.scores.dtype == np.float64
    np.testing.assert_allclose(found.scores, detector.score_samples(X[:3]), atol=1e-5)
    typical = np.sort(X, axis=0)[19]
    np.testing.assert_array_equal(found.typical, typical)
    assert found.typical_score == pytest.approx(detector.score_samples(typical[None])[0], abs=1e-5)
    total = found.contributions.sum(axis=1) + found.remainder
    np.testing.assert_allclose(total, found.typical_score - found.scores, atol=1e-12)
    # A row alone is explained as it is among others.
    alone = detector.explain(X[1:2])
    np.testing.assert_allclose(alone.contributions[0], found.contributions[1], atol=1e-5)


@pytest.mark.parametrize("name", ["thyroid", pytest.param("cardio", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "cls", slow_but([*TELLING, AutoEncoder, LOE], [*TABLES, LOE]), ids=lambda cls: cls.__name__
)
def test_planted_anomalies_are_blamed(cls, name, request):
    """The hits of all sizes and of more rows are a study's: ``study reasons``."""
    if name == "thyroid":
        X, y = load_thyroid(return_X_y=True)
    else:
        folder = request.getfixturevalue("data_folder")
        request.getfixturevalue("monkeypatch").setenv("LOFE_DATA", str(folder))
        X, y = fetch_odds("cardio", return_X_y=True)
    some = np.random.default_rng(0).permutation(len(X))[:1000]
    few = {"contamination": (0.02, 0.2), "n_estimators": 4} if cls is LOE else {"max_epochs": 30}
    detector = cls(**few, random_state=0).fit(X[some])
    planted_rows, planted = plant(X, y, 1, 10.0, seed=0, n_rows=60)
    assert hits(detector.explain(planted_rows).contributions, planted) >= 0.9


def test_all_of_the_scores_is_explained(fitted):
    """Also what a subclass adds to them."""

    class Warmer(DeepSVDD):
        def score_samples(self, X):
            return super().score_samples(X) - 100.0 * np.abs(np.asarray(X)[:, 1])

    warmer = Warmer(max_epochs=2, random_state=0).fit(rows())
    assert (warmer.explain(rows()[1:9]).contributions.argmax(axis=1) == 1).all()


@pytest.mark.parametrize(
    "container",
    [sparse.csr_matrix, sparse.coo_array, np.ndarray.tolist, np.asfortranarray, pd.DataFrame],
    ids=["csr", "coo", "list", "fortran", "frame"],
)
def test_containers(fitted, container):
    X = rows()
    found = fitted.explain(container(X[:3]))
    np.testing.assert_allclose(found.contributions, fitted.explain(X[:3]).contributions, atol=1e-7)
    np.testing.assert_array_equal(found.values, X[:3])
    assert found.row_names.tolist() == [0, 1, 2]
    assert "row 2, score" in repr(found)


@pytest.mark.parametrize(
    "groups",
    [
        pd.Series(["p", "p", "q", "q"]),
        pd.Series(["p", "p", "q", "q"], dtype=object),
        pd.Series(["p", "p", "q", "q"], dtype="string"),
        pd.Categorical(["p", "p", "q", "q"]),
        pd.Index(["p0", "p1", "q0", "q1"]).str[0],
        pd.Series([0, 0, 1, 1], dtype="Int64"),
        np.array(["p", "p", "q", "q"], dtype=object),
    ],
    ids=["Series", "objects", "string", "Categorical", "Index", "Int64", "array"],
)
def test_groups_named_as_pandas_has_names(fitted, groups):
    expected = fitted.explain(rows()[:2], groups=[0, 0, 1, 1]).contributions
    found = fitted.explain(rows()[:2], groups=groups).contributions
    np.testing.assert_array_equal(found, expected)


def test_names_and_index():
    frame = pd.DataFrame(rows(), columns=NAMES, index=[f"row {i}" for i in range(60)])
    detector = DeepSVDD(max_epochs=10, random_state=0).fit(frame)
    found = detector.explain(frame[:2])
    assert found.feature_names.tolist() == NAMES
    assert found.row_names.tolist() == ["row 0", "row 1"]
    assert detector.feature_names_in_.tolist() == NAMES  # of the detector itself, still there


def test_background_and_groups(fitted):
    X = rows()
    found = fitted.explain(X[:2], background=X + 1)
    np.testing.assert_allclose(found.typical, typical_values(X) + 1)
    together = fitted.explain(X[:2], groups=["p", "p", "q", "q"])
    one = fitted.explain(X[:2], groups=np.zeros(4, dtype=int))
    whole = one.typical_score - one.scores
    np.testing.assert_allclose(one.contributions, np.tile(whole[:, None] / 4, 4))
    assert (together.contributions[:, 0] == together.contributions[:, 1]).all()
    assert together.contributions[0, 2] > together.contributions[0, 0]


def test_one_feature_and_constant_features():
    X = rows()[:, 2:3]
    found = AutoEncoder(max_epochs=2, random_state=0).fit(X).explain(X[:3])
    np.testing.assert_allclose(found.remainder, 0, atol=1e-12)
    X = np.column_stack([rows(), np.full(60, 3.0)])
    found = DeepSVDD(max_epochs=2, random_state=0).fit(X).explain(X[:3])
    assert (found.contributions[:, 4] == 0).all()


def test_images_are_explained_by_patches():
    images = np.random.default_rng(0).uniform(size=(40, 10, 10)).round(2)
    detector = MHRot(depth=10, width=1, n_views=1, max_epochs=1, random_state=0).fit(images)
    found = detector.explain(images[:2])
    parts = found.contributions.reshape(2, 5, 2, 5, 2)
    assert (parts == parts[:, :, :1, :, :1]).all()
    assert len(np.unique(parts[0, :, 0, :, 0])) > 20
    within_loe = LOE(detector, contamination=0.1, random_state=0).fit(images).explain(images[:1])
    assert within_loe.contributions[0, 0] == within_loe.contributions[0, 11]


def test_a_search():
    X, y = rows(), np.arange(60) == 0
    loe = LOE(DeepSVDD(max_epochs=2), contamination=0.1, random_state=0)
    search = LOESearchCV(loe, {"method": ["hard"]}, cv=2, scoring="excess_mass").fit(X, y)
    expected = search.best_estimator_.explain(X[:2]).contributions
    np.testing.assert_array_equal(search.explain(X[:2]).contributions, expected)
    pipeline = make_pipeline(StandardScaler(), loe)
    search = LOESearchCV(pipeline, {"loe__method": ["hard"]}, cv=2, scoring="excess_mass")
    assert search.fit(X, y).explain(X[:2]).contributions.shape == (2, 4)
    assert not hasattr(LOESearchCV(loe, {}, refit=False), "explain")


# Bad input.


def test_bad_input(fitted):
    X = rows()
    for wrong, message in (
        (X[:, :3], "X has 3 features, but DeepSVDD is expecting 4"),
        (X[:0], "0 sample"),
        (X[0], "2D array"),
        (np.where(X == X[1, 1], np.nan, X), r"missing values \(NaN\) in column 1 \(row 1\)"),
    ):
        with pytest.raises(ValueError, match=message):
            fitted.explain(wrong)
    with pytest.raises(ValueError, match="DeepSVDD: background has 3 features"):
        fitted.explain(X, background=X[:, :3])
    with pytest.raises(ValueError, match="background contains missing values"):
        fitted.explain(X, background=np.where(X == X[1, 1], np.nan, X))
    for groups in ([0, 1], [[0, 1, 2], [3]], np.zeros((2, 2)), [0.5] * 4, "abcd"):
        with pytest.raises(ValueError, match="DeepSVDD: groups must be an array of 4 integers"):
            fitted.explain(X[:1], groups=groups)
    with pytest.raises(ValueError, match=r"got shape \(4,\) of NoneType and str\."):
        fitted.explain(X[:1], groups=["p", "p", None, None])
    with pytest.raises(NotFittedError):
        DeepSVDD().explain(X)
    frame = pd.DataFrame(X, columns=NAMES)
    named = DeepSVDD(max_epochs=1).fit(frame)
    with pytest.raises(ValueError, match="feature names"):
        named.explain(frame.rename(columns={"a": "z"}))
    earlier = copy.copy(fitted)
    earlier._typical_values = None
    with pytest.raises(ValueError, match="earlier version.*background=X_train"):
        earlier.explain(X[:1])
    assert earlier.explain(X[:1], background=X).contributions.shape == (1, 4)


def test_groups_by_name_must_be_in_the_order_of_the_features():
    frame = pd.DataFrame(rows(), columns=NAMES)
    by_name = pd.Series(["p", "p", "q", "q"], index=NAMES)
    detector = DeepSVDD(max_epochs=2, random_state=0)
    for fitted in (
        detector.fit(frame),
        make_pipeline(StandardScaler(), clone(detector)).fit(frame),
        make_pipeline(TableFeatures(), clone(detector)).fit(frame),
    ):
        expected = explain(fitted, frame[:2], groups=[0, 0, 1, 1]).contributions
        found = explain(fitted, frame[:2], groups=by_name).contributions
        np.testing.assert_array_equal(found, expected)
        with pytest.raises(ValueError, match=r": groups must be in the order of the features"):
            explain(fitted, frame[:2], groups=by_name[::-1])


# What is returned.


@pytest.fixture
def explanation():
    return Explanation(
        contributions=np.array([[0.5, 2.0, -1.0], [0.0, 0.0, -0.1], *[[1.0, 1.0, 1.0]] * 5]),
        values=np.array([[1.23456, 7, "a text that is much too long"]] * 7, dtype=object),
        typical=np.array([0.0, 3, None], dtype=object),
        feature_names=np.array(["x", "n", "text"], dtype=object),
        scores=np.linspace(-3, 0, 7),
        typical_score=1.0,
        row_names=np.arange(10, 17),
    )


def test_top(explanation):
    reasons = explanation.top()
    assert reasons[0] == [Reason("n", 2.0, 7, 3), Reason("x", 0.5, 1.23456, 0.0)]
    assert reasons[1] == []
    assert [reason.feature for reason in reasons[2]] == ["x", "n", "text"]
    assert [len(own) for own in explanation.top(1)] == [1, 0, 1, 1, 1, 1, 1]
    for k in (0, -1, 1.5, True, None):
        with pytest.raises(ValueError, match="Explanation.top: k must be an integer of at least 1"):
            explanation.top(k)


def test_rounding_is_no_reason(explanation):
    rounded = replace(explanation, contributions=explanation.contributions * [1, 1e-16, 1])
    assert [reason.feature for reason in rounded.top(3)[2]] == ["x", "text"]
    assert "n +" not in repr(rounded)


def test_a_feature_that_no_member_sees_is_no_reason():
    frame = pd.DataFrame(rows(200), columns=NAMES)
    detector = LOE(
        DeepSVDD(max_epochs=3), contamination=0.05, evidence=None, init=None, random_state=0
    ).set_params(max_features=1)
    detector.fit(frame)
    [[seen]] = detector.estimators_features_
    for reasons in detector.explain(frame[:20]).top(4):
        assert {reason.feature for reason in reasons} <= {NAMES[seen]}


def test_frame(explanation):
    frame = explanation.to_frame()
    assert list(frame) == ["row", "score", "feature", "contribution", "value", "typical"]
    assert len(frame) == 21
    assert frame["row"].tolist() == np.repeat(np.arange(10, 17), 3).tolist()
    top = explanation.to_frame(1)
    assert top["feature"].tolist() == ["n", *["x"] * 5]


def test_text(explanation):
    lines = repr(explanation).splitlines()
    assert lines[0] == "Explanation of 7 rows by 3 features. The score of a typical row is 1."
    assert lines[1] == "row 10, score -3: n +2 (7, typically 3), x +0.5 (1.235, typically 0)"
    assert lines[2] == "row 11, score -2.5: no feature makes it look anomalous"
    assert lines[3].endswith("text +1 (a text that is much t..., typically None)")
    assert lines[-1] == "... and 2 more rows"
    assert len(explanation) == 7


@pytest.mark.parametrize(
    ("number", "text"),
    [
        *((70820000.0, "70820000"), (100451.0, "100451"), (24999.9, "24999.9"), (-1e6, "-1000000")),
        *((1234567.89, "1234568"), (9999.0, "9999"), (0.00301887, "0.003019"), (1e20, "1e+20")),
    ],
)
def test_amounts_are_written_whole(number, text):
    one = np.array([[number]], dtype=object)
    names = np.array(["pay"], dtype=object)
    reasons = Explanation(np.ones((1, 1)), one, one[0], names, np.zeros(1), 1.0, np.arange(1))
    assert repr(reasons).endswith(f"pay +1 ({text}, typically {text})")


def test_names_of_rows_that_are_times(explanation):
    for name, text in (("2020-01-04", "2020-01-04"), ("2020-01-04T10:30", "2020-01-04T10:30")):
        times = np.full(7, np.datetime64(name, "ns"))
        assert (
            repr(replace(explanation, row_names=times)).splitlines()[1].startswith(f"row {text},")
        )


@pytest.mark.parametrize("call", ["explain", "score_samples", "predict", "embed", "severity"])
@pytest.mark.parametrize("named", [True, False])
def test_names_that_are_missing_are_said_once_at_the_line_of_the_user(call, named):
    frame = pd.DataFrame(rows(), columns=NAMES)
    wanted = frame if named else frame.to_numpy()
    given = frame.to_numpy() if named else frame
    text = "X does not have valid feature names" if named else "X has feature names, but DeepSVDD"
    detector = DeepSVDD(max_epochs=1, random_state=0).fit(wanted)
    expected = getattr(detector, call)(wanted[:3])
    with pytest.warns(UserWarning, match=text) as caught:
        found = getattr(detector, call)(given[:3])
    assert [warning.filename for warning in caught] == [__file__]
    if call != "explain":
        np.testing.assert_array_equal(found, expected)
    else:
        np.testing.assert_array_equal(found.contributions, expected.contributions)
    assert hasattr(detector, "feature_names_in_") == named


def test_the_argument_whose_names_are_missing_is_named():
    frame = pd.DataFrame(rows(), columns=NAMES)
    detector = DeepSVDD(max_epochs=1, random_state=0).fit(frame)
    with pytest.warns(UserWarning, match="^calibration does not have valid") as caught:
        detector.p_values(frame[:3], calibration=rows())
    assert [warning.filename for warning in caught] == [__file__]
