import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.model_selection import KFold, ShuffleSplit, StratifiedKFold, cross_val_score

from lofe_sklearn import LOE, DeepSVDD
from lofe_sklearn.metrics import roc_auc_scorer
from lofe_sklearn.model_selection import OutlierStratifiedKFold, check_cv

ENCODINGS = [
    lambda y: y,
    lambda y: y == 1,
    lambda y: 1 - 2 * y,
    lambda y: (y == 1).astype(object),
    list,
    pd.Series,
]


def indices(folds, n, y):
    return [test.tolist() for _, test in folds.split(np.zeros((n, 1)), y)]


@settings(max_examples=40, deadline=None)
@given(
    n_splits=st.integers(2, 6),
    extra_anomalies=st.integers(0, 10),
    extra_normal=st.integers(0, 60),
    shuffle=st.booleans(),
)
def test_folds_partition_the_rows_and_share_the_anomalies(
    n_splits, extra_anomalies, extra_normal, shuffle
):
    y = np.repeat([1, 0], [n_splits + extra_anomalies, n_splits + extra_normal])
    folds = OutlierStratifiedKFold(n_splits, shuffle=shuffle, random_state=0 if shuffle else None)
    tests = indices(folds, len(y), y)
    assert len(tests) == n_splits == folds.get_n_splits()
    assert sorted(np.concatenate(tests)) == list(range(len(y)))
    for label in (0, 1):
        counts = [int((y[test] == label).sum()) for test in tests]
        assert min(counts) >= 1
        assert max(counts) - min(counts) <= 1


@pytest.mark.parametrize("shuffle", [True, False])
def test_every_encoding_has_the_same_folds(shuffle):
    y = (np.random.default_rng(0).random(60) < 0.2).astype(int)
    folds = OutlierStratifiedKFold(4, shuffle=shuffle, random_state=3 if shuffle else None)
    expected = indices(folds, 60, y == 1)
    for encode in ENCODINGS:
        assert indices(folds, 60, encode(y)) == expected


def test_without_labels_they_are_plain_folds():
    folds = OutlierStratifiedKFold(4, random_state=3)
    plain = KFold(4, shuffle=True, random_state=3)
    assert indices(folds, 30, None) == indices(plain, 30, None)


def test_seeds():
    y = np.repeat([0, 1], [50, 10])
    seeded, free = OutlierStratifiedKFold(random_state=0), OutlierStratifiedKFold()
    assert indices(seeded, 60, y) == indices(seeded, 60, y)
    assert indices(free, 60, y) != indices(free, 60, y)
    with pytest.raises(ValueError, match="random_state"):
        OutlierStratifiedKFold(shuffle=False, random_state=0)


def test_repr():
    assert repr(OutlierStratifiedKFold(3, random_state=1)) == (
        "OutlierStratifiedKFold(n_splits=3, random_state=1, shuffle=True)"
    )
    assert repr(clone(OutlierStratifiedKFold(3), safe=False)).startswith("OutlierStratifiedKFold")


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (
            np.repeat([0, 1], [20, 4]),
            "fewer anomalies .4. than there are folds .n_splits=5.*Use n_splits=4",
        ),
        (np.repeat([-1, 1], [21, 3]), "fewer normal rows .3.*Use n_splits=3"),
        (np.repeat([0, 1], [23, 1]), "fewer anomalies .1.*Use y=None, and a scorer without labels"),
        (np.zeros(24), "fewer anomalies .0"),
        (np.ones(24), "only the label 1"),
        (np.arange(24), "must hold booleans"),
        (np.repeat([0, 1], [10, 10]), "inconsistent"),
    ],
)
def test_split_refuses(y, message):
    with pytest.raises(ValueError, match=message):
        next(OutlierStratifiedKFold().split(np.zeros((24, 1)), y))


def test_scikit_learn_takes_it(contaminated):
    X, y = contaminated
    detector = LOE(DeepSVDD(max_epochs=2), contamination=0.1, init=None, random_state=0)
    order = np.argsort(y)  # sorted by class, where plain folds have no anomalies
    folds = check_cv(4, y)
    scores = cross_val_score(
        detector, X[order], y[order], scoring=roc_auc_scorer, cv=folds, error_score="raise"
    )
    assert scores.shape == (4,)
    with pytest.raises(ValueError, match="holds no anomalies"):
        cross_val_score(
            detector, X[order], y[order], scoring=roc_auc_scorer, cv=4, error_score="raise"
        )


@pytest.mark.parametrize("cv", [None, 5, np.int64(5)])
def test_a_number_stands_for_shuffled_seeded_folds(cv):
    y = np.repeat([0, 1], [50, 10])
    with_labels, without = check_cv(cv, y), check_cv(cv)
    assert isinstance(with_labels, OutlierStratifiedKFold)
    assert type(without) is KFold
    for folds, labels in ((with_labels, y), (without, None)):
        assert folds.get_n_splits() == 5
        assert indices(folds, 60, labels) == indices(check_cv(cv, labels), 60, labels)
        assert indices(folds, 60, labels)[0] != list(range(12))


def test_splitters_and_iterables_are_taken_as_they_are():
    for splitter in (StratifiedKFold(3), ShuffleSplit(2), OutlierStratifiedKFold(3)):
        assert check_cv(splitter, [0, 1]) is splitter
    pairs = [([0, 1], [2]), ([1, 2], [0])]
    wrapped = check_cv(iter(pairs))
    assert list(wrapped.split()) == pairs
    assert wrapped.get_n_splits() == 2


@pytest.mark.parametrize("cv", [True, 1, 0, 2.5, "five", ["ab"], [(0, 1)], np.arange(4)])
def test_check_cv_refuses(cv):
    with pytest.raises(ValueError, match=r"[Cc]v|`cv`|k-fold"):
        check_cv(cv)


@pytest.mark.parametrize("cv", [[], {}, iter([])])
def test_no_folds_are_an_error(cv):
    with pytest.raises(ValueError, match=r"check_cv: cv must be .*; got an empty "):
        check_cv(cv)
