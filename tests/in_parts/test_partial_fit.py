"""Streams: calls of partial_fit, one after the other."""

import pickle

import numpy as np
import pytest
from conftest import FEW_TREES
from sklearn import clone
from sklearn.metrics import roc_auc_score

from lofe_sklearn import LOE, AutoEncoder, DeepSVDD, NeuTraL, load, save
from lofe_sklearn._training import SeenRows
from lofe_sklearn.rules import PURisk


def rows(n=1000, seed=0, d=4):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    X[::20] += 3
    return X, np.arange(n) % 20 == 0


DETECTORS = [
    DeepSVDD(contamination=0.05, random_state=0),
    NeuTraL(batch_size=256, contamination=0.05, random_state=0),
    LOE(DeepSVDD(), init=FEW_TREES, contamination=0.05, random_state=0),
    LOE([DeepSVDD(), AutoEncoder()], n_estimators=4, max_features=3, random_state=0),
]


@pytest.mark.parametrize("detector", DETECTORS, ids=["svdd", "neutral", "loe", "auto"])
def test_a_stream(detector):
    detector = clone(detector)
    for seed in range(4):
        X, _ = rows(seed=seed)
        assert detector.partial_fit(X) is detector
    X, is_anomaly = rows(seed=9)
    scores = detector.score_samples(X)
    if isinstance(detector, LOE):
        assert roc_auc_score(is_anomaly, -scores) > 0.9
        assert not hasattr(detector, "labels_")
    flagged = np.mean(scores < detector.offset_)
    ratio = detector.contamination_ if isinstance(detector, LOE) else detector.contamination
    assert flagged == pytest.approx(ratio, abs=0.02)
    assert detector._n_rows_seen == 4000
    assert detector.set_threshold(n_flagged=400).predict(X).sum() == pytest.approx(800, abs=80)


@pytest.mark.parametrize("detector", DETECTORS[::2], ids=["svdd", "loe"])
def test_the_first_call_and_all_seeds_decide_the_same(detector):
    X, _ = rows()
    first, second = (clone(detector).partial_fit(X).partial_fit(X[:500]) for _ in range(2))
    np.testing.assert_array_equal(first.score_samples(X), second.score_samples(X))


def test_the_optimiser_goes_on():
    """Two calls are two epochs of one training: Adam keeps its moments, and so does a copy."""
    X, _ = rows(256)
    detector = DeepSVDD(batch_size=256, random_state=0, scaling=None)
    for _ in range(3):
        detector.partial_fit(X)
    # All rows are one batch, so that their order does not matter.
    whole = DeepSVDD(batch_size=256, max_epochs=3, random_state=0, scaling=None).fit(X)
    np.testing.assert_allclose(detector.score_samples(X), whole.score_samples(X), rtol=1e-4)
    assert detector._optimizer.n_steps == 3
    anew = pickle.loads(pickle.dumps(detector))
    anew._optimizer = None
    again = pickle.loads(pickle.dumps(detector)).partial_fit(X).score_samples(X)
    np.testing.assert_array_equal(detector.partial_fit(X).score_samples(X), again)
    assert not np.allclose(anew.partial_fit(X).score_samples(X), again, rtol=1e-4)


def test_a_stack_of_members_goes_on_as_each_would_alone():
    X, _ = rows(512)
    together = LOE(
        DeepSVDD(),
        init=FEW_TREES,
        n_estimators=3,
        contamination=0.05,
        evidence=None,
        random_state=0,
    )
    alone = LOE(DeepSVDD(), init=FEW_TREES, contamination=0.05, evidence=None, random_state=0)
    for _ in range(3):
        together.partial_fit(X)
        alone.partial_fit(X)
    first = together.estimators_[0].score_samples(X)
    np.testing.assert_allclose(first, alone.estimators_[0].score_samples(X), rtol=1e-3)


def test_fit_starts_anew_and_partial_fit_goes_on_from_it():
    X, _ = rows()
    detector = LOE(DeepSVDD(max_epochs=5), init=FEW_TREES, contamination=0.05, random_state=0)
    expected = clone(detector).fit(X).score_samples(X)
    detector.partial_fit(X)
    np.testing.assert_array_equal(detector.fit(X).score_samples(X), expected)
    assert len(detector.labels_) == len(X)
    assert detector._seen_rows is None
    after = detector.partial_fit(X).score_samples(X)
    assert np.corrcoef(after, expected)[0, 1] > 0.99
    assert not np.array_equal(after, expected)


def test_known_labels_of_each_call():
    X, is_anomaly = rows()
    told, untold = (
        LOE(DeepSVDD(), init=FEW_TREES, contamination=0.05, random_state=0) for _ in range(2)
    )
    for _ in range(3):
        told.partial_fit(X, known_anomalies=is_anomaly, outliers=X[is_anomaly])
        untold.partial_fit(X)
    assert told._seen_rows.known.sum() == -3 * is_anomaly.sum()
    assert not np.allclose(told.score_samples(X), untold.score_samples(X))


def test_known_anomalies_of_earlier_calls_may_be_lost_from_the_sample(monkeypatch):
    monkeypatch.setattr("lofe_sklearn._training._seen_rows._MOST", 50)
    X, is_anomaly = rows()
    detector = LOE(DeepSVDD(), method=PURisk(), contamination=0.05, random_state=0)
    with pytest.raises(ValueError, match="got 0 known anomalies"):
        detector.partial_fit(X)
    detector.partial_fit(X[:50], known_anomalies=is_anomaly[:50])
    for _ in range(9):
        detector.partial_fit(X)
    assert not detector._seen_rows.known.any()


def test_wrong_rows_leave_the_detector_as_it_was():
    X, _ = rows()
    detector = LOE(DeepSVDD(), init=FEW_TREES, contamination=0.05, random_state=0).partial_fit(X)
    before = dict(vars(detector))
    scores = detector.score_samples(X)
    with pytest.raises(ValueError, match="X has 3 features, but DeepSVDD is expecting 4 features"):
        detector.partial_fit(X[:, :3])
    with pytest.raises(ValueError, match="NaN"):
        detector.partial_fit(np.where(X > 4, np.nan, X))
    with pytest.raises(ValueError, match="minimum of 2 is required"):
        detector.partial_fit(X[:1])
    detector.set_params(n_estimators=2)
    with pytest.raises(ValueError, match="goes on with the 1 members .* ask for 2 now"):
        detector.partial_fit(X)
    detector.set_params(n_estimators=None)
    assert vars(detector) == before
    np.testing.assert_array_equal(detector.score_samples(X), scores)
    detector.set_params(estimator__hidden_sizes=[8])
    with pytest.raises(ValueError, match="hidden_sizes is .8. now, but the network was fitted"):
        detector.partial_fit(X)


def test_a_saved_detector_goes_on(tmp_path):
    X, _ = rows()
    detector = LOE(
        DeepSVDD(), init=FEW_TREES, contamination=0.05, evidence="knn", random_state=0
    ).partial_fit(X)
    save(detector, tmp_path / "model.lofe")
    loaded = load(tmp_path / "model.lofe")
    np.testing.assert_array_equal(loaded.score_samples(X), detector.score_samples(X))
    assert loaded.partial_fit(X)._n_rows_seen == 2000


def test_sparse_rows():
    sparse = pytest.importorskip("scipy.sparse")
    X, _ = rows()
    dense, thin = (DeepSVDD(scaling=None, random_state=0) for _ in range(2))
    for _ in range(2):
        dense.partial_fit(X)
        thin.partial_fit(sparse.csr_matrix(X))
    np.testing.assert_allclose(dense.score_samples(X), thin.score_samples(X), rtol=1e-6)


def test_each_row_that_was_seen_is_as_likely_in_the_sample(monkeypatch):
    monkeypatch.setattr("lofe_sklearn._training._seen_rows._MOST", 500)
    counts = np.zeros(4)
    seen = SeenRows.none(1, np.dtype(float), after_fit=False)
    for part in np.array_split(np.arange(20_000.0), 7):
        seen = seen.with_more(part[:, None], (part % 3 == 0).astype(np.int8))
    assert (len(seen.rows), seen.n_seen) == (500, 20_000)
    np.testing.assert_array_equal(seen.known, seen.rows[:, 0] % 3 == 0)
    assert len(np.unique(seen.rows)) == 500
    counts = np.histogram(seen.rows, bins=4, range=(0, 20_000))[0]
    assert (np.abs(counts - 125) < 4 * np.sqrt(125)).all()


class StartsBlind(DeepSVDD):
    default_init = None


@pytest.mark.parametrize("evidence", [None, "knn"])
def test_each_backbone_of_a_list_starts_as_it_does_in_fit(evidence):
    X, _ = rows(300)
    options = {"contamination": 0.05, "init": "auto", "random_state": 0}
    backbones = [DeepSVDD(), StartsBlind()]
    together = LOE(backbones, evidence=evidence, **options).partial_fit(X)
    first, blind = together.estimators_
    for backbone, init, is_equal in [
        (blind, "auto", True),
        (blind, None, True),
        (blind, "knn", False),
        (first, None, False),
    ]:
        own = clone(backbone)
        alone = LOE(own, evidence=None, **options | {"init": init, "random_state": None})
        scores = alone.partial_fit(X).score_samples(X)
        found = np.allclose(scores, backbone.score_samples(X), rtol=1e-4)
        assert found == is_equal
