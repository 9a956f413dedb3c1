import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, f1_score, precision_score, roc_auc_score

from lofe_sklearn import DeepSVDD
from lofe_sklearn.active import estimate_contamination
from lofe_sklearn.metrics import (
    average_precision,
    consensus,
    f1_at_true_ratio,
    precision_at_n,
    roc_auc,
)

METRICS = [roc_auc, average_precision, f1_at_true_ratio, precision_at_n]
few = settings(max_examples=25, deadline=None)
each_metric = pytest.mark.parametrize("metric", METRICS, ids=lambda m: m.__name__)

# Integers, so that transformations are exact and ties are frequent.
rows = st.lists(st.tuples(st.booleans(), st.integers(-9, 9)), min_size=2, max_size=30).filter(
    lambda pairs: len({anomalous for anomalous, _ in pairs}) == 2
)


def unzip(pairs):
    anomalous, scores = zip(*pairs, strict=True)
    return np.array(anomalous), np.array(scores)


@each_metric
@few
@given(pairs=rows)
def test_the_encoding_does_not_matter(metric, pairs):
    anomalous, scores = unzip(pairs)
    expected = metric(anomalous, scores)
    for y in (anomalous.astype(int), np.where(anomalous, -1, 1), anomalous.astype(object).tolist()):
        assert metric(y, scores) == expected


@each_metric
@few
@given(pairs=rows)
def test_only_the_order_of_scores_matters(metric, pairs):
    y, scores = unzip(pairs)
    for monotone in (lambda s: 3 * s - 100, lambda s: s**3, np.exp, lambda s: np.arctan(s / 4)):
        assert metric(y, monotone(scores)) == metric(y, scores)


@few
@given(pairs=rows)
def test_they_are_scikit_learns_with_the_sign_turned(pairs):
    y, scores = unzip(pairs)
    assert roc_auc(y, scores) == roc_auc_score(y, -scores)
    assert average_precision(y, scores) == average_precision_score(y, -scores)


@few
@given(pairs=rows)
def test_turning_scores_and_labels_round_leaves_the_roc_auc(pairs):
    y, scores = unzip(pairs)
    assert roc_auc(~y, -scores) == pytest.approx(roc_auc(y, scores))
    assert roc_auc(y, -scores) == pytest.approx(1 - roc_auc(y, scores))


@few
@given(pairs=rows, data=st.data())
def test_precision_at_n_flags_n_rows(pairs, data):
    y, scores = unzip(pairs)
    n = data.draw(st.integers(1, len(y)))
    precisions, f1s = [], []
    # Over these turns each of the rows that tie with the last one is at each of their places once.
    for turn in range(np.count_nonzero(scores == np.sort(scores)[n - 1])):
        flagged = np.zeros(len(y), dtype=bool)
        flagged[_order_after(scores, turn)[:n]] = True
        precisions.append(precision_score(y, flagged))
        f1s.append(f1_score(y, flagged))
    assert precision_at_n(y, scores, n=n) == pytest.approx(np.mean(precisions))
    if n == y.sum():
        assert f1_at_true_ratio(y, scores) == pytest.approx(np.mean(f1s))
        assert precision_at_n(y, scores) == f1_at_true_ratio(y, scores)


def _order_after(scores, turn):
    """Rows in ascending order of their score, those of one score turned by some places."""
    return np.concatenate(
        [np.roll(np.flatnonzero(scores == value), turn) for value in np.unique(scores)]
    )


@each_metric
@few
@given(pairs=rows, data=st.data())
def test_the_order_of_the_rows_does_not_matter(metric, pairs, data):
    y, scores = unzip(pairs)
    order = np.array(data.draw(st.permutations(range(len(y)))))
    assert metric(y[order], scores[order]) == pytest.approx(metric(y, scores))


@pytest.mark.parametrize("metric", [f1_at_true_ratio, precision_at_n, average_precision])
@pytest.mark.parametrize("y", [[1, 1, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 1, 1]])
def test_equal_scores_are_worth_a_random_order(metric, y):
    """In sets that are sorted by class the first rows would give 1, and the last ones 0."""
    assert metric(y, np.ones(8)) == 0.25


@each_metric
def test_a_perfect_order_scores_one(metric):
    assert metric([1, 1, -1, -1], [0.5, 0.4, -3, -2]) == 1.0


@each_metric
@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float32])
def test_scores_that_cannot_be_negated_in_their_type(metric, dtype):
    result = metric([1, 0, 0, 0], np.array([0, 1, 1, 1], dtype=dtype))
    assert result == 1.0
    assert type(result) is float


def test_ties_do_not_flag_more():
    # One of the four rows; all of them would have an F1 of .4.
    assert f1_at_true_ratio([0, 0, 0, 1], np.zeros(4)) == 0.25
    assert precision_at_n([1, 0, 0, 1], np.zeros(4), n=1) == 0.5


@each_metric
@pytest.mark.parametrize(
    ("y", "scores", "message"),
    [
        ([0, 2], [1, 2], "y_true must hold booleans"),
        (["a", "b"], [1, 2], "y_true must hold booleans"),
        ([0, 0], [1, 2], "y_true must hold both .* holds no anomalies.*OutlierStratifiedKFold"),
        ([False, False], [1, 2], "holds no anomalies"),
        ([True, True], [1, 2], "holds no normal rows"),
        ([-1, -1], [1, 2], "holds no normal rows"),
        ([1, 1], [1, 2], "both anomalies and normal rows, but holds only the label 1, one class"),
        ([-1, 0, 1], [1, 2, 3], "known_labels"),
        ([0, 1], [1, np.nan], "scores must be finite; got nan in row 1"),
        ([0, 1], [-np.inf, 0], "scores must be finite; got -inf in row 0"),
        ([0, 1], [1, 2, 3], "inconsistent"),
        ([0, 1], [[1, 2], [3, 4]], "1d array"),
    ],
)
def test_it_refuses(metric, y, scores, message):
    with pytest.raises(ValueError, match=message) as error:
        metric(y, scores)
    if "scores" in message or "y_true" in message:
        assert str(error.value).startswith(metric.__name__ + ": ")


@pytest.mark.parametrize("n", [0, -1, 4, 1.0, True, "all"])
def test_precision_at_n_refuses_n(n):
    with pytest.raises(ValueError, match=r"n must be an integer in \[1, 3\]"):
        precision_at_n([0, 1, 0], [1, 2, 3], n=n)


BEYOND_FLOATS = 10**400


@pytest.mark.parametrize(
    ("compute", "message"),
    [
        (lambda: roc_auc([0, 1, 0], [1, BEYOND_FLOATS, 2]), "roc_auc: scores must be numbers"),
        (lambda: roc_auc([0, 1, BEYOND_FLOATS], [1, 2, 3]), "roc_auc: y_true must hold booleans"),
        (lambda: consensus([[1, BEYOND_FLOATS], [1, 2]]), "consensus: scores must be finite"),
        (
            lambda: estimate_contamination([1, BEYOND_FLOATS], [-1, 0]),
            "estimate_contamination: scores must be a 1d array of numbers",
        ),
        (
            lambda: estimate_contamination([1, 2], [-1, 0], embedding=[[BEYOND_FLOATS], [1]]),
            "estimate_contamination: embedding must hold finite numbers",
        ),
        (
            lambda: DeepSVDD().fit(np.zeros((2, 1)), known_labels=[-1, BEYOND_FLOATS]),
            "DeepSVDD: known_labels must be",
        ),
    ],
)
def test_integers_that_no_float_can_hold(compute, message):
    with pytest.raises(ValueError, match=message):
        compute()
