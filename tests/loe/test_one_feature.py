"""Rows that differ in one feature: detectors agree there anyway, which tells nothing."""

import numpy as np
import pytest
from scipy import sparse

from lofe_sklearn import LOE, NoSeparateGroupWarning
from lofe_sklearn._loe._find_ratio import believe
from lofe_sklearn._loe._one_feature import differ_in_one_feature

ONE = np.random.default_rng(0).normal(size=(300, 1))
OTHER = np.random.default_rng(1).normal(size=(300, 1))


@pytest.mark.parametrize(
    "rows",
    [
        ONE,
        ONE * 1e-200,
        ONE * 1e100 + 1e103,
        np.hstack([ONE, np.full((300, 2), 7.0)]),
        np.hstack([ONE, np.where(ONE < 2, 0.3, np.nextafter(0.3, 1))]),
        np.hstack([ONE, 3 - 1e9 * ONE, ONE / 7]),
        np.hstack([ONE * 1e200, ONE * 1e-200]),
        np.hstack([ONE, 9 * ONE]).astype(np.float32),
        sparse.csr_matrix(np.hstack([np.zeros((300, 1)), ONE])),
    ],
)
def test_one_feature(rows):
    assert differ_in_one_feature(rows)


@pytest.mark.parametrize(
    "rows",
    [
        np.ones((300, 2)),
        np.where(ONE < 2, 0.3, np.nextafter(0.3, 1)),
        np.hstack([ONE, OTHER]),
        np.hstack([ONE, OTHER]) * 1e200,
        np.hstack([ONE, OTHER]) * 1e-200,
        np.hstack([ONE, ONE**2]),
        np.hstack([ONE, ONE + 0.01 * OTHER]),
        np.hstack([ONE, np.arange(300)[:, None] == 4]),
        sparse.csr_matrix(np.hstack([ONE, OTHER])),
    ],
)
def test_none_or_several(rows):
    assert not differ_in_one_feature(rows)


@pytest.mark.parametrize("columns", [1, 2])
def test_no_group_is_found_in_clean_rows(columns):
    X = np.hstack([ONE, 5 - 2 * ONE])[:, :columns]
    with pytest.warns(NoSeparateGroupWarning, match="differ in one feature, by which all"):
        detector = LOE(random_state=0).fit(X)
    prior = believe([], 300).found
    assert detector.contamination_interval_ == pytest.approx((prior.low, prior.high))
    assert (detector.predict(X) == -1).mean() <= 0.05


def test_known_anomalies_are_a_group():
    X = np.vstack([ONE, [[9.0]] * 30])
    known = np.arange(330) >= 310
    detector = LOE(random_state=0).fit(X, known_anomalies=known)
    assert detector.contamination_ >= 20 / 330
