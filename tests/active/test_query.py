import numpy as np
import pandas as pd
import pytest
from conftest import FEW_TREES
from sklearn.ensemble import IsolationForest
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lofe_sklearn import LOE, DeepSVDD
from lofe_sklearn.active import STRATEGIES, _query, query


@pytest.fixture
def fitted(detector, contaminated):
    return detector.fit(contaminated[0])


@pytest.fixture
def loe(contaminated):
    detector = LOE(DeepSVDD(max_epochs=20), contamination=0.1, init=FEW_TREES, random_state=0)
    return detector.fit(contaminated[0])


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_with_every_detector(fitted, contaminated, strategy):
    X, _ = contaminated
    asked = query(fitted, X, 20, strategy=strategy, random_state=0)
    assert asked.dtype == np.int64
    assert len(set(asked.tolist())) == 20
    again = query(fitted, X, 20, strategy=strategy, random_state=0)
    np.testing.assert_array_equal(asked, again)
    # The ones chosen first come first.
    fewer = query(fitted, X, 7, strategy=strategy, random_state=0)
    np.testing.assert_array_equal(fewer, asked[:7])
    # What is known is not asked about again.
    known = np.zeros(200, dtype=bool)
    known[asked] = True
    second = query(fitted, X, 180, strategy=strategy, known_normal=known, random_state=0)
    np.testing.assert_array_equal(np.sort(np.concatenate([asked, second])), np.arange(200))


def test_most_anomalous_and_margin(loe, contaminated):
    X, _ = contaminated
    scores = loe.score_samples(X)
    lowest = query(loe, X, 5, strategy="most_anomalous")
    np.testing.assert_array_equal(lowest, np.argsort(scores, kind="stable")[:5])
    close = query(loe, X, 5, strategy="margin")
    others = np.setdiff1d(np.arange(200), close)
    distance = np.abs(loe.decision_function(X))
    assert distance[close].max() <= distance[others].min()


def test_random_is_uniform(loe, contaminated):
    X, _ = contaminated
    counts = np.zeros(200)
    for seed in range(300):
        counts[query(loe, X, 20, strategy="random", random_state=seed)] += 1
    # Binomial(300, 0.1): five standard deviations.
    assert np.abs(counts - 30).max() < 5 * np.sqrt(300 * 0.1 * 0.9)


def test_diverse_covers_the_embedding(loe, contaminated):
    X, _ = contaminated
    embedding = loe.embed(X)
    embedding = embedding[:, embedding.std(axis=0) > 0]
    embedding = embedding / embedding.std(axis=0)

    def radius(asked):
        """Largest distance of any row to the nearest that was asked about."""
        distance = np.linalg.norm(embedding[:, None] - embedding[asked], axis=2)
        return distance.min(axis=1).max()

    seeds = range(5)
    diverse = [radius(query(loe, X, 15, random_state=seed)) for seed in seeds]
    random = [radius(query(loe, X, 15, strategy="random", random_state=s)) for s in seeds]
    assert max(diverse) < min(random)


def test_diverse_stays_away_from_what_is_known(loe, contaminated):
    X, _ = contaminated
    first = query(loe, X, 10, random_state=0)
    known = np.zeros(200, dtype=bool)
    known[first] = True
    both = query(loe, X, 20, random_state=0)
    second = query(loe, X, 10, known_normal=known, random_state=3)
    embedding = loe.embed(X)
    nearest = np.linalg.norm(embedding[second][:, None] - embedding[first], axis=2).min(axis=1)
    typical = np.linalg.norm(embedding[:, None] - embedding[first], axis=2).min(axis=1)
    assert np.median(nearest) > np.median(typical)
    assert len(set(both[10:].tolist()) & set(second.tolist())) >= 5


def test_mixed_takes_both_in_turn(loe, contaminated):
    X, _ = contaminated
    mixed = query(loe, X, 10, strategy="mixed", random_state=0)
    lowest = query(loe, X, 10, strategy="most_anomalous")
    assert set(lowest[:5].tolist()) <= set(mixed.tolist())


def test_copies_can_be_asked_about_too():
    X = np.repeat([[0.0, 0.0], [1.0, 1.0], [3.0, 0.0]], 10, axis=0)
    detector = DeepSVDD(max_epochs=2, random_state=0).fit(X)
    asked = query(detector, X, 30, random_state=0)
    np.testing.assert_array_equal(np.sort(asked), np.arange(30))
    assert len({tuple(X[row]) for row in asked[:3]}) == 3


def test_a_strategy_of_ones_own(loe, contaminated):
    X, _ = contaminated

    def last_ones(detector, X, candidates, n_queries, rng):
        assert hasattr(detector, "score_samples")
        return candidates[-n_queries:]

    assert query(loe, X, 3, strategy=last_ones).tolist() == [197, 198, 199]
    known = np.zeros(200, dtype=bool)
    known[199] = True
    with pytest.raises(ValueError, match="must return 2 different row numbers; got 1"):
        query(loe, X, 2, strategy=lambda *given: np.array([5, 5]))
    with pytest.raises(ValueError, match="returned row 199, which is not one of the candidates"):
        query(loe, X, 2, strategy=lambda *given: np.array([5, 199]), known_normal=known)


def test_in_a_pipeline(contaminated):
    X, _ = contaminated
    frame = pd.DataFrame(X * [1, 10, 100, 1, 1], columns=list("abcde"))
    pipeline = make_pipeline(StandardScaler(), DeepSVDD(max_epochs=4, random_state=0)).fit(frame)
    asked = query(pipeline, frame, 10, random_state=0)
    np.testing.assert_array_equal(
        asked, query(pipeline[-1], pipeline[:-1].transform(frame), 10, random_state=0)
    )
    alone = make_pipeline(pipeline[-1])  # no step before it
    np.testing.assert_array_equal(
        query(alone, pipeline[:-1].transform(frame), 10, random_state=0), asked
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_queries": 0}, "n_queries must be .*got 0"),
        ({"n_queries": 2.0}, "got 2.0"),
        ({"n_queries": 201}, "n_queries=201 is more than there are rows of unknown label"),
        ({"strategy": "best"}, "strategy must be one of 'diverse'.*got 'best'"),
        ({"known_labels": [1, 0]}, "query: known_labels must hold one label for each row"),
    ],
)
def test_bad_parameters(loe, contaminated, options, message):
    with pytest.raises(ValueError, match=message):
        query(loe, contaminated[0], **options)


def test_bad_detectors(contaminated):
    X, _ = contaminated
    with pytest.raises(NotFittedError):
        query(DeepSVDD(), X, 3)
    with pytest.raises(TypeError, match="query: detector must be.*got IsolationForest"):
        query(IsolationForest().fit(X), X, 3)
    with pytest.raises(TypeError, match="got the class DeepSVDD"):
        query(DeepSVDD, X, 3)


def test_a_strategy_that_computes_in_place(loe, contaminated):
    X = contaminated[0].copy()

    def in_place(detector, X, candidates, n_queries, rng):
        X -= X.mean(axis=0)
        order = np.argsort(np.abs(X[candidates]).sum(axis=1))
        chosen = candidates[order[:n_queries]]
        candidates[:] = -1
        return chosen

    assert len(query(loe, X, 5, strategy=in_place)) == 5
    np.testing.assert_array_equal(X, contaminated[0])


class _Embedded:
    """A detector whose embedding is given."""

    def __init__(self, embedding):
        self.embedding = embedding

    def embed(self, X):
        return self.embedding


@pytest.mark.parametrize("n_known", [0, 1, 150])
def test_diverse_compares_with_all_known_rows_at_once(monkeypatch, n_known):
    rng = np.random.default_rng(0)
    embedding = rng.normal(size=(300, 3))
    embedding[200:] = embedding[100:200]  # copies, whose distance is exactly 0
    calls = []

    def counted(outputs, rows):
        calls.append(rows)
        return np.linalg.norm(outputs - outputs[rows], axis=1)

    monkeypatch.setattr(_query, "_distances", counted)
    candidates = np.arange(n_known, 300)
    detector, seed = _Embedded(embedding), np.random.RandomState
    chosen = STRATEGIES["diverse"](detector, None, candidates, 20, seed(0))
    assert len(calls) <= 21

    # The same one by one.
    outputs, rng = _query.standardised(embedding), seed(0)
    distances = np.linalg.norm(outputs[:, None] - outputs, axis=2)
    near, expected = list(range(n_known)), []
    for _ in range(20):
        left = np.setdiff1d(candidates, expected)
        if near:
            nearest = distances[left][:, near].min(axis=1)
            weights = np.exp((nearest / nearest.max() - 1) / 0.01)
            row = left[rng.choice(len(left), p=weights / weights.sum())]
        else:
            row = rng.choice(left)
        near.append(row)
        expected.append(row)
    assert chosen.tolist() == expected


def test_only_copies_of_known_rows_are_left():
    embedding = np.tile(np.random.default_rng(0).normal(size=(50, 9)), (2, 1))
    asked = STRATEGIES["diverse"](
        _Embedded(embedding), None, np.arange(50, 100), 1, np.random.RandomState(3)
    )
    # All are alike, so that each is as likely as another one.
    assert asked.tolist() == [50 + np.random.RandomState(3).randint(50)]


def test_outputs_that_are_zero_or_have_a_zero_tell_nothing_and_everything():
    # A unit may be off in all rows; and of outputs in any unit, some rows may have a zero.
    rng = np.random.default_rng(0)
    embedding = rng.normal(size=(50, 3))
    embedding[0] = 0.0
    seen = {}
    for name, outputs in {
        "plain": embedding,
        "with a unit that is off": np.column_stack([embedding, np.zeros(50)]),
        "huge": embedding * 2.0**700,
        "tiny": embedding * 2.0**-700,
    }.items():
        asked = STRATEGIES["diverse"](
            _Embedded(outputs), None, np.arange(50), 20, np.random.RandomState(0)
        )
        seen[name] = asked.tolist()
    assert all(asked == seen["plain"] for asked in seen.values())


class _Scored:
    """A detector whose scores are given."""

    def __init__(self, scores):
        self.scores = scores

    def score_samples(self, X):
        return self.scores

    decision_function = score_samples


@pytest.mark.parametrize("strategy", ["most_anomalous", "margin"])
def test_rows_of_equal_scores_are_asked_about_in_their_order(strategy):
    scores = np.random.default_rng(0).integers(0, 3, size=2000).astype(float)
    asked = STRATEGIES[strategy](
        _Scored(scores), None, np.arange(2000), 500, np.random.RandomState(0)
    )
    np.testing.assert_array_equal(asked, np.flatnonzero(scores == 0)[:500])
