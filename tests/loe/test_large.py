"""What keeps the cost of large sets down: rows that are enough, and stacks side by side."""

import joblib
import numpy as np
import pytest

from lofe_sklearn import LOE, AutoEncoder, DeepSVDD, RealNVP
from lofe_sklearn._loe import _parameters
from lofe_sklearn._loe._classical import Neighbors

X = np.random.default_rng(0).normal(size=(300, 4))


@pytest.fixture
def enough(monkeypatch):
    """Let a hundred rows be enough, and ten steps."""
    monkeypatch.setattr(_parameters, "_ENOUGH_ROWS", 100)
    for backbone in (DeepSVDD, RealNVP):
        monkeypatch.setattr(backbone, "default_steps", 10)
        monkeypatch.setattr(backbone, "default_epoch_range", (2, 10))


def test_the_default_backbones_are_trained_on_rows_that_are_enough(enough):
    known = np.zeros(300, dtype=int)
    known[[3, 150, 299]] = -1, 1, -1
    detector = LOE(n_estimators=6, random_state=0).fit(X, known_labels=known)
    first, *others = detector.estimators_samples_
    assert len(first) == 100
    assert np.isin([3, 150, 299], first).all()
    for rows in others:
        np.testing.assert_array_equal(rows, first)
    assert [len(stack) for stack in detector._ensemble.stacks] == [3, 3]
    # All rows are scored and labelled, those that were not trained on too.
    assert len(detector.labels_) == 300
    assert detector.labels_[[3, 150, 299]].tolist() == [-1, 1, -1]
    np.testing.assert_allclose(detector.score_samples(X), detector._training_scores, atol=1e-7)
    assert not np.array_equal(
        LOE(n_estimators=2, random_state=1).fit(X).estimators_samples_[0],
        LOE(n_estimators=2, random_state=0).fit(X).estimators_samples_[0],
    )


@pytest.mark.parametrize(
    ("options", "n_rows"),
    [
        ({"max_samples": 1.0}, 300),
        ({"max_samples": 250}, 250),
        ({"estimator": DeepSVDD(max_epochs=1)}, 300),
    ],
    ids=str,
)
def test_who_chooses_rows_or_backbones_gets_them(enough, options, n_rows):
    detector = LOE(n_estimators=2, random_state=0, **options).fit(X)
    assert [len(rows) for rows in detector.estimators_samples_] == [n_rows] * 2


def test_folds_have_enough_rows_too(enough):
    detector = LOE(n_estimators=2, held_out_folds=2, random_state=0).fit(X)
    assert np.isfinite(detector.held_out_scores_).all()


def test_all_known_rows_are_trained_on_where_they_are_more_than_enough(enough):
    known = np.arange(300) >= 50
    detector = LOE(n_estimators=2, random_state=0).fit(X, known_normal=known)
    np.testing.assert_array_equal(detector.estimators_samples_[0], np.arange(50, 300))


def test_neighbours_are_sought_among_few_of_many_rows(monkeypatch):
    monkeypatch.setattr(Neighbors, "max_samples", 60)
    assert len(Neighbors().fit(X, others=[]).rows_) == 60
    assert len(Neighbors().fit(X[:50], others=[]).rows_) == 50


@pytest.mark.parametrize(
    ("n_samples", "batch_size"), [(100, 128), (1_664, 128), (5_000, 385), (1_000_000, 512)]
)
def test_batches_of_deep_svdd_grow_with_the_rows(n_samples, batch_size):
    svdd, flow = _parameters.for_rows_of(None, n_samples, 30)
    assert svdd.batch_size == batch_size
    assert svdd.lr == pytest.approx(3e-3 * (batch_size / 128) ** 0.5, rel=1e-3)
    assert (flow.batch_size, flow.lr) == (128, pytest.approx(3e-3))


@pytest.mark.parametrize(
    ("n_samples", "n_epochs"),
    [(80, (80, 80)), (400, (80, 40)), (1_000, (50, 20)), (5_000, (20, 4)), (50_000, (5, 2))],
)
def test_epochs_of_the_default_backbones_fall_with_the_rows(n_samples, n_epochs):
    backbones = _parameters.for_rows_of(None, n_samples, 30)
    assert tuple(each.max_epochs for each in backbones) == n_epochs


@pytest.mark.parametrize(("n_features", "kind"), [(39, DeepSVDD), (40, AutoEncoder)])
def test_an_autoencoder_stands_in_for_deep_svdd_where_rows_are_wide(n_features, kind):
    first, flow = _parameters.for_rows_of(None, 5_000, n_features)
    assert (type(first), type(flow)) == (kind, RealNVP)
    assert first.batch_size == 385
    wide = np.random.default_rng(0).normal(size=(40, n_features))
    assert type(LOE(n_estimators=2, random_state=0).fit(wide).estimator_) is kind
    chosen = [DeepSVDD(), RealNVP()]
    assert _parameters.for_rows_of(chosen, 5_000, n_features) == chosen


def test_who_chooses_the_kinds_keeps_their_batches():
    chosen = [DeepSVDD(), AutoEncoder(batch_size=64)]
    assert [each.batch_size for each in _parameters.for_rows_of(chosen, 10**6, 30)] == [128, 64]


@pytest.mark.slow
@pytest.mark.usefixtures("processes_for_little")
def test_jobs_split_stacks_and_change_nothing():
    def fitted(**options):
        backbones = [DeepSVDD(max_epochs=2), AutoEncoder(max_epochs=2)]
        return LOE(backbones, n_estimators=6, random_state=0, **options).fit(X)

    alone, together = fitted(), fitted(n_jobs=2)
    np.testing.assert_allclose(together._training_scores, alone._training_scores, atol=1e-5)
    np.testing.assert_allclose(together.score_samples(X), alone.score_samples(X), atol=1e-5)
    np.testing.assert_array_equal(together.labels_, alone.labels_)


def test_a_job_for_each_part(monkeypatch):
    from lofe_sklearn._training import _train

    sizes, train = [], _train._train_stack
    monkeypatch.setattr(
        _train, "_train_stack", lambda own, *a, **k: sizes.append(len(own)) or train(own, *a, **k)
    )
    with joblib.parallel_config(backend="threading"):
        LOE(DeepSVDD(max_epochs=1), n_estimators=7, n_jobs=3, random_state=0).fit(X)
    assert sorted(sizes, reverse=True) == [3, 2, 2]


def test_jobs_must_be_a_number():
    with pytest.raises(ValueError, match="n_jobs"):
        LOE(n_jobs="all").fit(X)
