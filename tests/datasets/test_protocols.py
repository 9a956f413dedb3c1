"""What the papers' protocols hand out: which rows, how many, how often, and from which seed."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lofe_sklearn import datasets
from lofe_sklearn.datasets import (
    adbench_split,
    adbench_unsupervised,
    bootstrap_unsupervised,
    contaminated_one_class_split,
    image_one_vs_rest,
    load_thyroid,
    loe_tabular_split,
    one_class_split,
)

SIZED = [adbench_unsupervised, adbench_split, one_class_split, bootstrap_unsupervised]
TABULAR = [*SIZED, loe_tabular_split, contaminated_one_class_split]


def numbered(n_normal, n_anomalous):
    """Rows that hold their own number, so that each can be found again; anomalies come last."""
    X = np.arange(float(n_normal + n_anomalous))[:, None]
    return X, np.repeat([0, 1], [n_normal, n_anomalous])


def numbers(X):
    return X[:, 0].astype(int)


def images_of(counts, shape=(4, 4), dtype=np.uint8):
    """Images whose pixels are their number, and their classes."""
    n = sum(counts)
    X = np.broadcast_to(np.arange(n).reshape(-1, *[1] * len(shape)), (n, *shape)).astype(dtype)
    return X, np.repeat(np.arange(len(counts)), counts)


@pytest.mark.parametrize("protocol", TABULAR)
def test_labels_go_with_rows(protocol):
    X, y = numbered(300, 40)
    X_train, X_test, y_train, y_test = protocol(X, y, random_state=0)
    for rows, labels in [(X_train, y_train), (X_test, y_test)]:
        assert rows.dtype == np.float64
        assert labels.dtype.kind == "i"
        assert rows.shape == (len(labels), 1)
    np.testing.assert_array_equal(y[numbers(X_test)], y_test)
    if protocol is not loe_tabular_split:  # which adds noise
        np.testing.assert_array_equal(y[numbers(X_train)], y_train)


@pytest.mark.parametrize("protocol", TABULAR)
def test_the_seed_decides_and_stays_local(protocol):
    X, y = numbered(300, 40)
    limits = {"max_samples": 200} if protocol in SIZED else {}
    before = np.random.get_state()[1].copy()
    first, again, other = (protocol(X, y, random_state=s, **limits) for s in (0, 0, 1))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(first[0], other[0])
    np.testing.assert_array_equal(np.random.get_state()[1], before)
    rng = np.random.RandomState(0)
    np.testing.assert_array_equal(protocol(X, y, random_state=rng, **limits)[0], first[0])


@pytest.mark.parametrize("protocol", TABULAR)
def test_inputs_are_not_changed(protocol):
    X, y = numbered(60, 12)
    X_before, y_before = X.copy(), y.copy()
    protocol(X, y, random_state=0)
    np.testing.assert_array_equal(X, X_before)
    np.testing.assert_array_equal(y, y_before)


@pytest.mark.parametrize("protocol", TABULAR)
@pytest.mark.parametrize("kind", ["list", "frame", "bool"])
def test_containers(protocol, kind):
    X, y = numbered(60, 12)
    want = protocol(X, y, random_state=0)
    if kind == "frame":
        pd = pytest.importorskip("pandas")
        X, y = pd.DataFrame(X, columns=["a"]), pd.Series(y)
    elif kind == "list":
        X, y = X.tolist(), y.tolist()
    else:
        y = y.astype(bool)
    for a, b in zip(protocol(X, y, random_state=0), want, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("protocol", TABULAR)
@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([0, 0, 0, 0, 1, 2], "1 for anomalies and 0 for normal rows; got the values .0, 1, 2"),
        ([1, 1, 1, 1, -1, -1], "1 for anomalies and 0"),
        ([0, 0, 0, 0, 0, 0], "at least (one anomaly|two anomalies).*got 0 and 6"),
        ([1, 1, 1, 1, 1, 1], "normal row.*got 6 and 0"),
        ([0, 0, 1], "inconsistent numbers of samples"),
    ],
)
def test_labels_that_cannot_be_used(protocol, y, message):
    with pytest.raises(ValueError, match=message):
        protocol(np.arange(6.0)[:, None], y, random_state=0)


@pytest.mark.parametrize(
    ("protocol", "y", "message"),
    [
        (adbench_split, [0, 0, 0, 1], "two anomalies.*got 1 and 3"),
        (adbench_split, [0, 1, 1, 1], "two normal rows.*got 3 and 1"),
        (one_class_split, [0, 1, 1, 1], "two normal rows.*got 3 and 1"),
        (contaminated_one_class_split, [0, 0, 0, 1], "two anomalies.*got 1 and 3"),
    ],
)
def test_too_few_of_one_kind(protocol, y, message):
    with pytest.raises(ValueError, match=f"{protocol.__name__}: .*{message}"):
        protocol(np.arange(4.0)[:, None], y)


@pytest.mark.parametrize("protocol", SIZED)
@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"max_samples": 0}, "max_samples must be an integer"),
        ({"max_samples": 10.0}, "max_samples must be an integer"),
        ({"min_samples": -1}, "min_samples must be an integer"),
        ({"min_samples": True}, "min_samples must be an integer"),
        ({"max_samples": 10, "min_samples": 11}, "min_samples=11 must not be above max_samples=10"),
    ],
)
def test_limits_that_cannot_be_used(protocol, limits, message):
    X, y = numbered(60, 12)
    with pytest.raises(ValueError, match=f"{protocol.__name__}: {message}"):
        protocol(X, y, **limits)


@pytest.mark.parametrize("protocol", SIZED)
def test_a_draw_without_anomalies_is_an_error(protocol):
    X, y = numbered(5000, 2)
    with pytest.raises(ValueError, match="among the 10 rows that were drawn"):
        protocol(X, y, max_samples=10, random_state=0)


@pytest.mark.parametrize("protocol", SIZED)
def test_sizes_between_the_limits_stay(protocol):
    X, y = numbered(60, 12)
    for limits in [{}, {"max_samples": 72, "min_samples": 72}, {"max_samples": None}]:
        parts = protocol(X, y, random_state=0, **limits)
        seen = np.union1d(numbers(parts[0]), numbers(parts[1]))
        np.testing.assert_array_equal(seen, np.arange(72))


@pytest.mark.parametrize("protocol", SIZED)
def test_large_sets_are_cut_without_replacement(protocol):
    X, y = numbered(900, 100)
    parts = protocol(X, y, max_samples=200, random_state=0)
    n = len(np.union1d(numbers(parts[0]), numbers(parts[1])))
    assert n == 200
    # The draw does not look at labels: the share of anomalies is kept only on average.
    if protocol is not bootstrap_unsupervised:
        shares = [protocol(X, y, max_samples=200, random_state=seed)[3].sum() for seed in range(20)]
        assert len(set(shares)) > 3


@pytest.mark.parametrize("protocol", [adbench_unsupervised, adbench_split])
def test_adbenchs_limit_is_the_default(protocol):
    X, y = numbered(10_000, 400)
    parts = protocol(X, y, random_state=0)
    n_rows = len(parts[1]) if protocol is adbench_unsupervised else len(parts[0]) + len(parts[1])
    assert n_rows == 10_000


def test_small_sets_are_filled_up_with_duplicates():
    X, y = numbered(60, 12)
    X_train, X_test, y_train, _ = adbench_unsupervised(X, y, min_samples=1000, random_state=0)
    assert len(X_train) == len(X_test) == 1000
    assert set(numbers(X_train)) == set(range(72))
    assert y_train.mean() == pytest.approx(12 / 72, abs=0.04)
    parts = adbench_split(X, y, min_samples=1000, random_state=0)
    assert (len(parts[0]), len(parts[1])) == (700, 300)
    assert np.intersect1d(numbers(parts[0]), numbers(parts[1])).size > 0  # as the docstring says


def test_adbench_unsupervised_is_all_rows_twice():
    X, y = load_thyroid(return_X_y=True)
    X_train, X_test, y_train, y_test = adbench_unsupervised(X, y)
    assert X_train is X_test
    assert y_train is y_test
    np.testing.assert_array_equal(X_train, X)
    np.testing.assert_array_equal(y_train, y)


@given(
    n_normal=st.integers(2, 200),
    n_anomalous=st.integers(2, 60),
    test_size=st.floats(0.01, 0.99),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=150, deadline=None)
def test_adbench_split_is_stratified(n_normal, n_anomalous, test_size, seed):
    X, y = numbered(n_normal, n_anomalous)
    X_train, X_test, y_train, y_test = adbench_split(X, y, test_size=test_size, random_state=seed)
    both = np.concatenate([numbers(X_train), numbers(X_test)])
    np.testing.assert_array_equal(np.sort(both), np.arange(len(y)))
    for label, n in [(0, n_normal), (1, n_anomalous)]:
        n_test = (y_test == label).sum()
        assert 1 <= n_test <= n - 1
        assert n_test == min(max(round(test_size * n), 1), n - 1)
    assert (y_train == y[numbers(X_train)]).all()


def test_adbench_split_shuffles_both_parts():
    X, y = numbered(300, 100)
    for labels in adbench_split(X, y, random_state=0)[2:]:
        assert (np.diff(labels) != 0).sum() > 10


@pytest.mark.parametrize("test_size", [0, 1, -0.1, 1.5, float("nan")])
def test_adbench_split_refuses_a_test_size(test_size):
    X, y = numbered(60, 12)
    with pytest.raises(ValueError, match=r"test_size must be in \(0, 1\)"):
        adbench_split(X, y, test_size=test_size)


@given(n_normal=st.integers(2, 200), n_anomalous=st.integers(1, 60), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=100, deadline=None)
def test_one_class_split_keeps_the_training_rows_clean(n_normal, n_anomalous, seed):
    X, y = numbered(n_normal, n_anomalous)
    X_train, X_test, y_train, y_test = one_class_split(X, y, random_state=seed)
    assert (y_train == 0).all()
    assert len(X_train) == n_normal // 2
    assert y_test.sum() == n_anomalous
    both = np.concatenate([numbers(X_train), numbers(X_test)])
    np.testing.assert_array_equal(np.sort(both), np.arange(len(y)))


def test_one_class_split_takes_each_row_equally_often():
    X, y = numbered(20, 1)
    counts = np.zeros(21)
    for seed in range(400):
        counts[numbers(one_class_split(X, y, random_state=seed)[0])] += 1
    np.testing.assert_allclose(counts[:20] / 400, 0.5, atol=0.1)


@given(
    n_normal=st.integers(2, 200),
    n_anomalous=st.integers(2, 60),
    shares=st.lists(st.floats(0, 0.3), min_size=2, max_size=2),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=150, deadline=None)
def test_contaminated_splits_differ_by_their_anomalies_alone(n_normal, n_anomalous, shares, seed):
    X, y = numbered(n_normal, n_anomalous)
    low, high = (
        contaminated_one_class_split(
            X, y, contamination=share, max_contamination=0.3, random_state=seed
        )
        for share in sorted(shares)
    )
    for X_train, X_test, y_train, y_test in (low, high):
        trained, tested = numbers(X_train), numbers(X_test)
        np.testing.assert_array_equal(tested, numbers(low[1]))
        np.testing.assert_array_equal(y[tested], y_test)
        assert len(y_train) == len(low[2])
        assert len(np.unique(trained)) == len(trained)
        assert not np.intersect1d(trained, tested).size
        assert n_anomalous - n_anomalous // 2 <= y_test.sum() <= n_anomalous
        assert (y_test == 0).sum() == n_normal - n_normal // 2
    for share, split in zip(sorted(shares), (low, high), strict=True):
        n_train = len(split[2])
        assert n_train * share - 1 < split[2].sum() <= n_train * share + 1e-9
    assert set(numbers(low[0])[low[2] == 1]) <= set(numbers(high[0])[high[2] == 1])


def test_contaminated_splits_train_on_as_many_rows_as_there_are_anomalies_for():
    X, y = numbered(1000, 50)
    X_train, _, y_train, y_test = contaminated_one_class_split(
        X, y, contamination=0.2, random_state=0
    )
    assert (len(X_train), y_train.sum(), y_test.sum()) == (125, 25, 25)
    X_train, X_test, y_train, y_test = contaminated_one_class_split(
        X, y, contamination=0.1, max_train_samples=60, max_test_samples=100, random_state=0
    )
    # Twelve are set aside for a share of 0.2; 38 of 538 are left, and seven of a hundred.
    assert (len(X_train), y_train.sum(), len(X_test), y_test.sum()) == (60, 6, 100, 7)


def test_contaminated_splits_refuse_more_than_was_set_aside():
    X, y = numbered(60, 12)
    with pytest.raises(ValueError, match=r"contamination=0.3 must not be above max_contamination"):
        contaminated_one_class_split(X, y, contamination=0.3)


def test_bootstrap_draws_with_replacement_and_scores_all():
    X, y = numbered(4500, 500)
    X_train, X_test, y_train, y_test = bootstrap_unsupervised(X, y, random_state=0)
    np.testing.assert_array_equal(X_test, X)
    np.testing.assert_array_equal(y_test, y)
    assert len(X_train) == 5000
    assert len(np.unique(numbers(X_train))) / 5000 == pytest.approx(1 - np.exp(-1), abs=0.02)
    assert y_train.mean() == pytest.approx(0.1, abs=0.015)


def test_bootstrap_may_miss_the_anomalies():
    X, y = numbered(50, 1)
    drawn = [bootstrap_unsupervised(X, y, random_state=s)[2].sum() for s in range(30)]
    assert min(drawn) == 0
    assert max(drawn) > 0


def test_image_one_vs_rest():
    X, classes = images_of([90, 40, 50])
    X_test, classes_test = images_of([10, 10, 10])
    X_train, same, y_train, y_test = image_one_vs_rest(
        X, classes, X_test, classes_test, normal_class=0, random_state=0
    )
    assert same is X_test
    assert X_train.dtype == np.uint8
    assert X_train.shape == (100, 4, 4)
    pixels = X_train[:, 0, 0]
    assert len(np.unique(pixels)) == 100  # no image twice, and none with noise
    np.testing.assert_array_equal(np.sort(pixels[y_train == 0]), np.arange(90))
    assert y_train.sum() == 10
    assert set(classes[pixels[y_train == 1]]) == {1, 2}
    np.testing.assert_array_equal(y_test, classes_test != 0)
    assert (np.diff(y_train) != 0).sum() > 5


@pytest.mark.parametrize("shape", [(7,), (3, 4), (3, 4, 4), (2, 3, 4, 4)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_images_of_any_shape_and_type(shape, dtype):
    X, classes = images_of([20, 10], shape, dtype)
    X_train, X_test, _, _ = image_one_vs_rest(X, classes, X, classes, normal_class=1)
    assert X_train.shape[1:] == shape
    assert X_train.dtype == X_test.dtype == dtype


@pytest.mark.parametrize(
    ("contamination", "n_drawn"), [(0.0, 0), (0.05, 4), (0.1, 10), (0.3, 38), (0.5, 90)]
)
def test_images_of_other_classes_make_up_the_share(contamination, n_drawn):
    X, classes = images_of([90, 60, 60])
    y_train = image_one_vs_rest(
        X, classes, X, classes, normal_class=0, contamination=contamination
    )[2]
    assert (len(y_train), y_train.sum()) == (90 + n_drawn, n_drawn)


def test_images_by_name_column_and_seed():
    X, numbers_ = images_of([20, 10, 10])
    names = np.array(["cat", "dog", "owl"])[numbers_]
    split = partial(image_one_vs_rest, X, names, X, names[:, None], normal_class="cat")
    first, again, other = (split(random_state=s) for s in (0, 0, 1))
    np.testing.assert_array_equal(first[0], again[0])
    assert not np.array_equal(first[0], other[0])
    np.testing.assert_array_equal(first[3], numbers_ != 0)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"normal_class": 7}, "normal_class must be one of classes; got 7.*0, 1"),
        ({"normal_class": "0"}, "normal_class must be one of classes; got '0'"),
        ({"classes_test": np.ones(30, int)}, "normal_class must be one of classes_test"),
        ({"classes_test": np.zeros(30, int)}, "classes_test must hold other classes than 0"),
        ({"contamination": 1.0}, r"contamination must be in \[0, 1\)"),
        ({"contamination": -0.1}, "contamination must be"),
        ({"contamination": 0.5}, "needs 20 of other classes; X has 10"),
        ({"classes": np.zeros(29, int)}, r"X must be an array.*\(30, 4, 4\) and 29 classes"),
        ({"X": np.zeros(30)}, r"X must be an array \(n, ...\)"),
        ({"X_test": np.zeros((30, 4, 5))}, r"one shape; got \(4, 4\) and \(4, 5\)"),
    ],
)
def test_images_that_cannot_be_used(changed, message):
    X, classes = images_of([20, 10])
    arguments = {"X": X, "classes": classes, "X_test": X, "classes_test": classes}
    with pytest.raises(ValueError, match=f"image_one_vs_rest: .*{message}"):
        image_one_vs_rest(**{**arguments, "normal_class": 0, **changed})


def test_every_protocol_is_public():
    assert {p.__name__ for p in [*TABULAR, image_one_vs_rest]} <= set(datasets.__all__)
