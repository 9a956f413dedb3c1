"""anomaly_proba: its range, order and mean, what known labels change, and whether it is true."""

import pickle

import numpy as np
import pytest
from conftest import FEW_TREES
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from torch import nn

from lofe_sklearn import LOE, AutoEncoder, DeepSVDD, NeuTraL
from lofe_sklearn._loe._posterior import Posterior
from lofe_sklearn._loe._scale import CommonScale

# Of several members, whose scores are on the scale already.
SCALE = CommonScale(
    take_log=np.ones((2, 1), dtype=bool),
    center=np.zeros((2, 1)),
    spread=np.ones((2, 1)),
    weights=np.ones(2),
    is_standardised=True,
)


def loe(estimator=None, **parameters):
    estimator = DeepSVDD(max_epochs=10) if estimator is None else estimator
    return LOE(estimator, **{"init": FEW_TREES, "random_state": 0, **parameters})


@pytest.fixture(scope="module")
def rows():
    """Return 180 normal rows and 20 anomalies far from them, y is 1 for these."""
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(0, 1, (180, 5)), rng.normal(6, 0.7, (20, 5))])
    y = np.repeat([0, 1], [180, 20])
    order = rng.permutation(200)
    return X[order], y[order]


@pytest.fixture(scope="module")
def automatic(rows):
    return loe(held_out_folds=3).fit(rows[0])


def halves(loss_n, loss_a, alpha, known):
    """Label every row half an anomaly."""
    return loss_n * 0 + 0.5, loss_a * 0 + 0.5


class LogModule(nn.Module):
    """Losses that may be negative, like log-densities."""

    score_scale = "linear"

    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, x):
        loss_n, loss_a = self.module(x)
        return loss_n - 100, loss_a


class Log(NeuTraL):
    def build_module(self, n_features):
        return LogModule(super().build_module(n_features))


PARAMETERS = [
    {"contamination": 0.1},
    {"contamination": 0.1, "n_estimators": 3, "method": "soft"},
    {"contamination": 0.1, "method": "refine"},
    {"contamination": 0.1, "method": "blind"},
    {"contamination": 0.1, "method": halves},
    {"contamination": 0.5, "max_samples": 0.5, "max_features": 3},
    {"contamination": lambda scores: scores > np.quantile(scores, 0.9), "n_estimators": 2},
    {"n_estimators": 1},
    {"n_estimators": 4, "method": "blind"},
    {"estimator": [DeepSVDD(max_epochs=3), AutoEncoder(max_epochs=3)], "contamination": 0.1},
    {"estimator": Log(max_epochs=2), "contamination": 0.1},
]


@pytest.mark.parametrize("parameters", PARAMETERS, ids=lambda p: " ".join(p))
def test_a_probability_for_every_row_that_ranks_as_the_score_does(rows, parameters):
    X, _ = rows
    detector = loe(**parameters).fit(X)
    proba = detector.anomaly_proba(X)
    assert proba.dtype == np.float64
    assert proba.shape == (200,)
    assert ((proba >= 0) & (proba <= 1)).all()
    assert (np.diff(proba[np.argsort(-detector.score_samples(X))]) >= 0).all()
    inside = (proba > 1e-9) & (proba < 1 - 1e-9)
    assert len(np.unique(proba[inside])) == inside.sum()
    assert proba.mean() == pytest.approx(detector.contamination_, abs=1e-6)


@pytest.mark.parametrize("ratio", [0.02, 0.001, 1e-6])
def test_the_mean_is_a_ratio_of_less_than_half_a_row_too(rows, ratio):
    X, _ = rows
    X = X[:20]
    fitted = loe(contamination=ratio).fit(X)
    set_later = loe(contamination=0.1).fit(X).set_threshold(contamination=ratio)
    for detector in (fitted, set_later):
        assert detector.contamination_ == pytest.approx(ratio)
        assert detector.anomaly_proba(X).mean() == pytest.approx(ratio, rel=1e-4)
        # The ratio that is told anew is the one that was there.
        told = detector.anomaly_proba(X, contamination=ratio)
        np.testing.assert_allclose(told, detector.anomaly_proba(X))


@pytest.mark.parametrize(("n", "n_anomalies"), [(100, 29), (49, 1)])
def test_all_rows_that_the_ratio_stands_for_may_be_above_one_half(n, n_anomalies):
    """0.29 times 100 is a little less than 29: the last of 29 anomalies was held at one half."""
    rng = np.random.default_rng(0)
    is_anomaly = np.arange(n) < n_anomalies
    scores = np.where(is_anomaly, -9.0, 1.0) + rng.normal(0, 0.1, n)
    share = n_anomalies / n
    posterior = Posterior.of(SCALE, scores, share, None, None, most=share)
    proba = posterior.proba(scores)
    np.testing.assert_array_equal(proba > 0.5, is_anomaly)
    assert proba[is_anomaly].min() > 0.9
    assert proba.mean() == pytest.approx(share)


def test_the_mean_over_own_and_held_out_scores_is_the_ratio(automatic, rows):
    own = automatic.anomaly_proba(rows[0])
    held_out = automatic._posterior.proba(automatic.held_out_scores_)
    mean = np.concatenate([own, held_out]).mean()
    assert mean == pytest.approx(automatic.contamination_, abs=1e-6)


def test_it_does_not_depend_on_the_rows_beside(automatic, rows):
    X, _ = rows
    proba = automatic.anomaly_proba(X)
    parts = [automatic.anomaly_proba(part) for part in (X[:1], X[1:90], X[90:])]
    np.testing.assert_allclose(np.concatenate(parts), proba, atol=1e-6)


@pytest.mark.parametrize("rounding", [0.0, 1e-15])
def test_the_order_of_rows_of_equal_scores_does_not_decide(rounding):
    rng = np.random.default_rng(0)
    own = rng.normal(size=60)
    held_out = np.round(own) * (1 + rounding * rng.normal(size=60))  # ties
    known = rng.choice(np.array([-1, 0, 1], dtype=np.int8), 60, p=[0.1, 0.8, 0.1])
    orders = [rng.permutation(60) for _ in range(5)]
    found = [Posterior.of(SCALE, own[o], 0.1, held_out[o], known[o]) for o in orders]
    np.testing.assert_allclose([each.share for each in found], found[0].share)


def test_what_is_well_separated_is_told_apart(rows):
    X, y = rows
    detector = loe(DeepSVDD(), contamination=0.1, init="auto").fit(X)
    proba = detector.anomaly_proba(X)
    assert proba[y == 1].min() > 0.6 > 0.4 > proba[y == 0].max()
    assert np.median(proba[y == 0]) < 0.03
    assert detector.anomaly_proba(np.full((1, 5), 30.0)) > 0.9
    # Where half of the rows to judge are anomalies, there is no doubt left.
    told = detector.anomaly_proba(X, contamination=0.5)
    assert told[y == 1].min() > 0.9


def test_containers_and_precision(automatic, rows):
    X, _ = rows
    expected = automatic.anomaly_proba(X)
    np.testing.assert_allclose(automatic.anomaly_proba(X.astype(np.float32)), expected, atol=1e-4)
    np.testing.assert_allclose(automatic.anomaly_proba(sparse.csr_matrix(X)), expected, atol=1e-6)


def test_pickle_and_clone(automatic, rows):
    X, _ = rows
    copied = pickle.loads(pickle.dumps(automatic))
    np.testing.assert_array_equal(copied.anomaly_proba(X), automatic.anomaly_proba(X))
    with pytest.raises(NotFittedError):
        clone(automatic).anomaly_proba(X)


def test_all_rows_alike():
    X = np.ones((40, 3))
    for contamination in (0.2, "auto"):
        detector = loe(DeepSVDD(max_epochs=2), contamination=contamination, init="auto").fit(X)
        proba = detector.anomaly_proba(X)
        assert np.isfinite(proba).all()
        np.testing.assert_allclose(proba, proba[0])
        assert 0 < proba[0] < 1


class TestAnotherShare:
    def test_odds_are_multiplied(self, rows):
        X, _ = rows
        detector = loe(contamination=0.1).fit(X)
        usual, told = detector.anomaly_proba(X), detector.anomaly_proba(X, contamination=0.5)
        expected = 9 * usual / (1 - usual)
        np.testing.assert_allclose(told / (1 - told), expected, rtol=1e-6)
        same = detector.anomaly_proba(X, contamination=0.1)
        np.testing.assert_allclose(same, usual, atol=1e-12)

    @pytest.mark.parametrize("share", [0, 1, -0.1, np.nan, "auto", True])
    def test_what_it_may_be(self, automatic, rows, share):
        with pytest.raises(ValueError, match=r"contamination in anomaly_proba .* \(0, 1\)"):
            automatic.anomaly_proba(rows[0], contamination=share)


class TestKnownLabels:
    """On scores alone: trainings would be another reason for what changes."""

    @pytest.fixture
    def scores(self):
        """Own and held-out scores of 300 rows, high for normal, 30 of them low."""
        rng = np.random.default_rng(0)
        truth = np.concatenate([rng.normal(-2, 0.5, 30), rng.normal(0.2, 0.5, 270)])
        return truth, truth + rng.normal(0, 0.2, 300)

    def mean(self, scores, known):
        own, held_out = scores
        return Posterior.of(SCALE, own, 0.1, held_out, known).proba(own).mean()

    def test_more_anomalies_than_expected_raise_it_and_fewer_lower_it(self, scores):
        own, _ = scores
        none = self.mean(scores, None)
        doubtful = np.argsort(own)[10:50]
        known = np.zeros(300, dtype=np.int8)
        known[doubtful] = -1
        known[doubtful[-2:]] = 1
        assert self.mean(scores, known) > 1.3 * none
        known[doubtful] = 1
        known[doubtful[0]] = -1
        assert self.mean(scores, known) < 0.8 * none

    def test_the_more_are_known_the_further_it_goes(self, scores):
        few, many = np.zeros((2, 300), dtype=np.int8)
        order = np.argsort(scores[0])
        for known, step in ((few, 20), (many, 4)):
            known[order[10:90:step]] = -1
            known[order[-1]] = 1
        assert self.mean(scores, many) > self.mean(scores, few) > self.mean(scores, None)

    @pytest.mark.parametrize("rank", [0, 150, 299])
    def test_two_labels_do_no_harm(self, scores, rank):
        """Even wrong ones: the most normal row an anomaly, the most anomalous one normal."""
        order = np.argsort(scores[0])
        known = np.zeros(300, dtype=np.int8)
        known[order[rank]], known[order[299 - rank]] = -1, 1
        assert 0.5 < self.mean(scores, known) / self.mean(scores, None) < 2

    @pytest.mark.parametrize("label", [1, -1])
    def test_one_class_alone_says_nothing_of_the_ratio(self, scores, label):
        known = np.zeros(300, dtype=np.int8)
        known[:40] = label
        assert self.mean(scores, known) == self.mean(scores, None)

    def test_labels_that_the_detector_foresaw_change_little(self, scores):
        known = np.where(np.arange(300) < 30, -1, 1).astype(np.int8)
        known[np.random.default_rng(1).permutation(300)[:260]] = 0
        assert self.mean(scores, known) == pytest.approx(self.mean(scores, None), rel=0.25)

    @pytest.mark.parametrize("contamination", ["auto", 0.1])
    def test_known_rows_of_a_fit_go_the_right_way(self, contamination):
        rng = np.random.default_rng(0)
        # A kind of anomaly that no one would take for one, close together at the edge.
        X = np.concatenate([rng.normal(0, 1, (180, 4)), rng.normal(1.5, 0.2, (20, 4))])
        known = np.zeros(200, dtype=int)
        known[[*range(180, 190)]], known[:10] = -1, 1
        # With held-out scores, which known labels correct the ratio by where it is not given.
        folds = 3 if contamination == "auto" else None
        detector = loe(
            DeepSVDD(max_epochs=60),
            contamination=contamination,
            n_estimators=4,
            held_out_folds=folds,
        )
        before = clone(detector).fit(X).anomaly_proba(X)
        after = clone(detector).fit(X, known_labels=known).anomaly_proba(X)
        unnamed = np.arange(190, 200)
        assert after[180:190].mean() > before[180:190].mean() + 0.1
        assert after[unnamed].mean() > before[unnamed].mean() + 0.1

    @pytest.mark.filterwarnings("ignore:LOE. known_labels:UserWarning")
    @pytest.mark.parametrize("label", ["known_normal", "known_anomalies"])
    def test_every_row_known_to_be_of_one_class(self, rows, label):
        X, _ = rows
        detector = loe(DeepSVDD(max_epochs=3), n_estimators=2).fit(
            X, **{label: np.ones(len(X), dtype=bool)}
        )
        assert np.isfinite(detector.anomaly_proba(X)).all()


def test_unfitted(rows):
    with pytest.raises(NotFittedError):
        LOE().anomaly_proba(rows[0])


def test_calibration_on_data_of_known_truth():
    """Overlapping classes: new rows of a probability are anomalies about as often as it says."""
    rng = np.random.default_rng(0)

    def draw(n):
        y = (rng.random(n) < 0.1).astype(int)
        return rng.normal(0, 1, (n, 6)) + 2.2 * y[:, None] * (np.arange(6) < 3), y

    X, _ = draw(1500)
    X_new, y_new = draw(4000)
    detector = loe(DeepSVDD(), contamination=0.1, n_estimators=4, init="auto").fit(X)
    proba = detector.anomaly_proba(X_new)
    assert proba.mean() == pytest.approx(0.1, abs=0.04)
    brier, constant = np.mean((proba - y_new) ** 2), np.mean((0.1 - y_new) ** 2)
    assert brier < 0.8 * constant
    bins = np.minimum((proba * 10).astype(int), 9)
    off = [abs((proba - y_new)[bins == k].sum()) for k in range(10)]
    assert sum(off) / len(y_new) < 0.08
