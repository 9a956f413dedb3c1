import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.stats import spearmanr
from sklearn.base import BaseEstimator, OutlierMixin

from lofe_sklearn import DeepSVDD, MHRot
from lofe_sklearn.metrics import ExcessMassScorer, consensus, excess_mass_scorer


class Scorer(OutlierMixin, BaseEstimator):
    """A detector of a given function of the rows."""

    def __init__(self, function):
        self.function = function

    def score_samples(self, X):
        return self.function(np.asarray(X))


@pytest.fixture
def rows():
    """A tight cluster that fills little of the box the outliers span."""
    rng = np.random.default_rng(0)
    return np.concatenate([rng.normal(0, 0.05, (190, 2)), rng.uniform(-1, 1, (10, 2))])


def test_it_ranks_the_right_order_above_chance_above_the_wrong_one(rows):
    right = Scorer(lambda X: -np.linalg.norm(X, axis=1))
    chance = Scorer(lambda X: np.sin(1e4 * X[:, 0]))
    wrong = Scorer(lambda X: np.linalg.norm(X, axis=1))
    values = [excess_mass_scorer(d, rows) for d in (right, chance, wrong)]
    assert values[0] > 0.4 > 0.1 > max(values[1:])
    assert 0 <= min(values)
    assert max(values) <= 1


def test_it_is_the_integral_of_the_curve():
    # A twentieth of the rows fill the box of volume 4, the others a square of 1/25 of it; the
    # detector knows the square. Excess mass by hand: the better of the square and the whole box.
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.uniform(-0.2, 0.2, (19_000, 2)), rng.uniform(-1, 1, (1000, 2))])
    square = Scorer(lambda X: (np.abs(X).max(axis=1) <= 0.2).astype(float))
    t = np.geomspace(1, 1000, 121)
    by_hand = np.maximum(0, np.maximum(1 - t, 0.95 + 0.05 / 25 - t / 25)).mean()
    assert ExcessMassScorer(n_draws=200_000)(square, X) == pytest.approx(by_hand, abs=0.005)


def test_only_the_order_of_scores_matters_and_y_does_not(rows):
    plain = Scorer(lambda X: -np.linalg.norm(X, axis=1))
    expected = excess_mass_scorer(plain, rows)
    assert excess_mass_scorer(Scorer(lambda X: np.exp(plain.score_samples(X))), rows) == expected
    assert excess_mass_scorer(plain, rows, y=["anything"]) == expected


def test_a_detector_that_tells_nothing_apart_scores_zero(rows):
    assert excess_mass_scorer(Scorer(lambda X: np.zeros(len(X))), rows) == 0.0


def test_draws_are_seeded(rows):
    detector = Scorer(lambda X: -np.linalg.norm(X, axis=1))
    assert excess_mass_scorer(detector, rows) == ExcessMassScorer()(detector, rows)
    other = ExcessMassScorer(random_state=1, n_draws=1000)(detector, rows)
    assert other == pytest.approx(excess_mass_scorer(detector, rows), abs=0.05)
    assert other != excess_mass_scorer(detector, rows)


@pytest.mark.parametrize(
    "frame",
    [
        np.asarray,
        lambda X: pd.DataFrame(X, columns=["a", "b"]),
        lambda X: pd.DataFrame(X, columns=["column_names", "schema"]),
        lambda X: pl.DataFrame(X, schema=["a", "b"]),
        csr_array,
    ],
    ids=["array", "pandas", "names of attributes", "polars", "sparse"],
)
@pytest.mark.filterwarnings("error")
def test_all_kinds_of_rows(frame, rows):
    detector = DeepSVDD(max_epochs=2, random_state=0)
    expected = excess_mass_scorer(detector.fit(rows), rows)
    X = frame(rows)
    assert excess_mass_scorer(detector.fit(X), X) == pytest.approx(expected)


def test_images(rows):
    images = np.random.default_rng(0).random((30, 4, 4))
    detector = MHRot(depth=10, width=1, n_views=1, max_epochs=1, random_state=0).fit(images)
    assert 0 <= ExcessMassScorer(n_draws=1000)(detector, images) <= 1


@pytest.mark.parametrize("n_draws", [999, 5000.0, True, None])
def test_it_refuses_n_draws(n_draws, rows):
    with pytest.raises(ValueError, match="n_draws must be an integer of at least 1000"):
        ExcessMassScorer(n_draws=n_draws)(Scorer(len), rows)


def test_it_refuses_missing_values():
    with pytest.raises(ValueError, match="ExcessMassScorer: X must hold finite.*contains NaN"):
        excess_mass_scorer(Scorer(len), [[0.0], [np.nan]])
    text = pd.DataFrame({"a": [0.0, 1.0], "b": ["u", "v"]})
    with pytest.raises(ValueError, match="ExcessMassScorer: X must hold finite.*last step.*labels"):
        excess_mass_scorer(Scorer(len), text)


@settings(max_examples=40, deadline=None)
@given(
    scores=st.lists(
        st.lists(st.integers(-5, 5), min_size=6, max_size=6).filter(lambda s: len(set(s)) > 1),
        min_size=2,
        max_size=5,
    )
)
def test_consensus_is_the_mean_rank_correlation(scores):
    m = len(scores)
    expected = [
        np.mean([spearmanr(scores[i], scores[j])[0] for j in range(m) if j != i]) for i in range(m)
    ]
    np.testing.assert_allclose(consensus(scores), expected, atol=1e-12)


def test_consensus_of_a_constant_detector():
    np.testing.assert_allclose(consensus([[1, 2, 3], [1, 2, 3], [0, 0, 0]]), [0.5, 0.5, 0])


def test_consensus_prefers_what_most_find():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=200)
    scores = [truth + rng.normal(size=200) * noise for noise in (0.2, 0.8, 1.5, 5.0)]
    assert consensus(scores).argsort().tolist() == [3, 2, 1, 0]


@pytest.mark.parametrize(
    ("scores", "message"),
    [([[1, 2, 3]], "minimum of 2"), ([[1, np.nan], [1, 2]], "NaN"), ([1, 2], "2D array")],
)
def test_consensus_refuses(scores, message):
    with pytest.raises(ValueError, match=message):
        consensus(scores)


def test_missing_names_are_told_once(rows):
    named = pd.DataFrame(rows).add_prefix("c")
    for fitted_to, scored in ((named, rows), (rows, named)):
        detector = DeepSVDD(max_epochs=1, random_state=0).fit(fitted_to)
        with pytest.warns(UserWarning, match="X .*feature names") as told:
            excess_mass_scorer(detector, scored)
        assert len(told) == 1
