"""`scaling="sketched"`: features of wide rows are added up to sums, which networks see instead."""

import pickle

import numpy as np
import pytest
from conftest import BACKBONES, SMALL, TELLING, slow_but
from scipy import sparse
from scipy.spatial.distance import pdist

from lofe_sklearn import (
    LOE,
    AutoEncoder,
    DeepSVDD,
    MHRot,
    RealNVP,
    engine,
    fit_many,
    load,
    save,
    to_onnx,
)
from lofe_sklearn._training import fit_scaling
from lofe_sklearn.engine import RowScaling, _sketch, n_sums
from lofe_sklearn.engine._sketch import added_up, draw_sums, slots_of
from lofe_sklearn.metrics import roc_auc

TABLES = [each for each in BACKBONES if each is not MHRot]
N_FEATURES = 11
RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, N_FEATURES)) * (RNG.random((120, N_FEATURES)) < 0.6)
X[:10] += 3.0


@pytest.fixture
def four_sums(monkeypatch):
    """Of eleven features make four sums: three of three features, and one of two."""
    monkeypatch.setattr(_sketch, "MOST_SUMS", 4)


def sketched(cls=DeepSVDD, **parameters):
    common = {"scaling": "sketched", "max_epochs": 2, "random_state": 0}
    return cls(**SMALL.get(cls, {}) | common | parameters)


@pytest.mark.parametrize("n_features", [1, 512, 513, 1024, 1025, 30_000])
def test_each_feature_is_in_one_sum(n_features):
    sums, signs = draw_sums(n_features)
    counts = np.bincount(sums)
    assert len(counts) == n_sums(n_features) <= 512
    assert len(counts) > 256 or len(counts) == n_features
    assert (counts[:-1] == counts[0]).all()
    assert set(signs) <= {-1.0, 1.0}
    slots = slots_of(sums)
    assert np.array_equal(np.sort(slots[slots < n_features]), np.arange(n_features))
    for number in (0, len(counts) - 1):
        own = slots[:, number]
        assert np.array_equal(own[own < n_features], np.flatnonzero(sums == number))


def test_sums_are_those_of_a_matrix():
    sums, _ = draw_sums(2500)
    rows = np.random.default_rng(0).normal(size=(7, 2500))
    matrix = np.zeros((2500, n_sums(2500)))
    matrix[np.arange(2500), sums] = 1.0
    np.testing.assert_allclose(added_up(rows, slots_of(sums)), rows @ matrix, atol=1e-12)


def test_distances_stay_as_they_are_but_for_a_few_percent():
    rows = np.random.default_rng(0).normal(size=(40, 6000)) * np.geomspace(1e-3, 1e3, 6000) + 5.0
    rows[:, 100:1100] = 7.0  # features that do not vary
    scaling = RowScaling(fit_scaling(rows, "sketched"), 6000)
    full = RowScaling(fit_scaling(rows, "winsorized"), 6000).scaled(rows)
    seen = scaling.added_up(scaling.scaled(rows))
    assert seen.shape == (40, 500)
    assert np.square(seen).mean() == pytest.approx(1.0, abs=0.05)
    ratios = pdist(seen) / pdist(full) * np.sqrt(5000 / 500)
    assert ratios.min() > 0.85
    assert ratios.max() < 1.15


def test_few_features_are_winsorized_only():
    parts = zip(fit_scaling(X, "sketched"), fit_scaling(X, "winsorized"), strict=True)
    assert all(np.array_equal(*pair) for pair in parts)


def test_limits_of_a_feature_hold_whatever_its_sign(four_sums):
    rows = X.copy()
    rows[::40] = -999.0
    plain = fit_scaling(rows, "winsorized")
    shift, factor, low, high, _ = fit_scaling(rows, "sketched")
    assert (np.sign(factor) == -1).any()
    np.testing.assert_array_equal(shift, plain[0])
    cut = np.isfinite(plain[2])
    assert cut.any()
    assert (low[cut] < high[cut]).all()
    np.testing.assert_allclose(
        np.minimum(*(part / factor for part in (low, high)))[cut], (plain[2] / plain[1])[cut]
    )


@pytest.mark.parametrize("cls", slow_but(TELLING, TABLES))
def test_every_backbone(four_sums, cls, tmp_path):
    detector = sketched(cls).fit(X)
    scores = detector.score_samples(X)
    assert detector.n_features_in_ == N_FEATURES
    assert detector.embed(X).shape[0] == len(X)
    np.testing.assert_array_equal(scores, detector._training_scores)
    np.testing.assert_allclose(detector.score_samples(X[5:6]), scores[5:6], rtol=1e-9)
    for rows in (sparse.csr_matrix(X), sparse.csr_array(X)):
        np.testing.assert_allclose(detector.score_samples(rows), scores, rtol=1e-9)
        of_sparse = sketched(cls).fit(rows).score_samples(rows)
        np.testing.assert_allclose(of_sparse, scores, rtol=1e-3, atol=1e-3)
    again = pickle.loads(pickle.dumps(detector))
    np.testing.assert_array_equal(again.score_samples(X), scores)
    save(detector, tmp_path / "model.lofe")
    np.testing.assert_array_equal(load(tmp_path / "model.lofe").score_samples(X), scores)


@pytest.mark.parametrize("cls", slow_but([DeepSVDD, RealNVP], TABLES))
def test_onnx(four_sums, cls, tmp_path):
    pytest.importorskip("onnxscript", reason="needs onnxscript")
    onnxruntime = pytest.importorskip("onnxruntime", reason="needs onnxruntime")
    detector = sketched(cls).fit(X)
    to_onnx(detector, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    new = X.copy()
    new[-1, 3] = 1e200
    score, label = session.run(["score", "label"], {"X": new})
    np.testing.assert_allclose(score[:-1], detector.score_samples(X[:-1]), atol=1e-5)
    assert np.isnan(score[-1])
    assert label[-1] == -1


def test_sums_do_not_depend_on_later_versions(four_sums, monkeypatch, tmp_path):
    detector = sketched(warm_start=True).fit(X)
    save(detector, tmp_path / "model.lofe")
    scores = detector.score_samples(X)
    monkeypatch.setattr(_sketch, "MOST_SUMS", 1024)
    loaded = load(tmp_path / "model.lofe")
    np.testing.assert_array_equal(loaded.score_samples(X), scores)
    goes_on = loaded.fit(X)
    assert goes_on._scaling[4].max() == 3
    assert np.isfinite(goes_on.score_samples(X)).all()


@pytest.mark.parametrize("sums", [[0] * 10 + [10**9], [0] * 10 + [-1], [0] * 8 + [1, 1, 2]])
def test_a_file_with_other_sums_is_refused(four_sums, sums):
    state = sketched().fit(X)._state_to_save()
    state["module_"] = engine.values_of(state["module_"])
    DeepSVDD()._set_saved_state(state)
    state["_scaling"] = (*state["_scaling"][:4], np.array(sums))
    with pytest.raises(ValueError, match="sums"):
        DeepSVDD()._set_saved_state(state)


def test_a_stack_is_what_its_models_are_alone(four_sums):
    folds = [np.arange(0, 60), np.arange(60, 120), np.arange(120)]
    for fitted, rows in zip(fit_many([sketched()] * 3, X, rows=folds), folds, strict=True):
        alone = sketched().fit(X[rows])
        np.testing.assert_allclose(fitted.score_samples(X), alone.score_samples(X), rtol=1e-5)
    rows = sparse.csr_matrix(X)
    of_sparse = fit_many([sketched()] * 3, rows, rows=folds)
    np.testing.assert_allclose(
        of_sparse[1].score_samples(X), sketched().fit(X[folds[1]]).score_samples(X), rtol=1e-3
    )


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_matrix])
def test_members_that_see_some_features_each(four_sums, container):
    rows = container(X)
    detector = LOE(sketched(), n_estimators=3, max_features=9, random_state=0, contamination=0.1)
    detector.fit(rows, outliers="uniform" if container is np.asarray else None)
    assert [len(own) for own in detector.estimators_features_] == [9] * 3
    assert detector.estimator_._scaling[4].max() == 2
    np.testing.assert_allclose(detector.score_samples(rows), detector._training_scores, rtol=1e-6)


def test_blocks_and_parts(four_sums):
    rows = np.tile(X, (3, 1))

    class Source:
        shape, dtype = rows.shape, rows.dtype

        def __getitem__(self, index):
            return rows[index]

    in_blocks = sketched().fit(Source())
    assert len(in_blocks._scaling) == 5
    assert roc_auc(np.tile(np.arange(120) < 10, 3), in_blocks.score_samples(rows)) > 0.9
    streamed = sketched()
    for start in range(0, 360, 90):
        streamed.partial_fit(rows[start : start + 90])
    assert len(streamed._scaling) == 5
    assert np.isfinite(streamed.score_samples(rows)).all()


def test_what_is_too_large_is_named(four_sums):
    rows = X.copy()
    rows[7, 3] = 1e200
    detector = sketched().fit(X)
    for act in (
        detector.score_samples,
        lambda rows: detector.score_samples(sparse.csr_matrix(rows)),
    ):
        with pytest.raises(ValueError, match=r"1e\+200 in row 7, column 3"):
            act(rows)


def test_sums_of_large_values_are_finite(four_sums):
    detector = sketched().fit(X)
    limit = RowScaling(detector._scaling, N_FEATURES).limit(1e18)
    assert limit == pytest.approx(1e18 / 3)


def test_pixels_are_not_added_up():
    with pytest.raises(ValueError, match="scaling must be"):
        MHRot(scaling="sketched").fit(np.zeros((20, 36)))


@pytest.mark.parametrize(
    ("n_features", "scalings"),
    [(1024, ["winsorized", "standard"]), (1025, ["sketched", "sketched"])],
)
def test_default_networks_of_loe(n_features, scalings):
    """From 1,025 features on they see sums."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(100, 10)) @ rng.normal(size=(10, n_features))
    rows[:5] = rng.normal(scale=9.0, size=(5, n_features))
    detector = LOE(contamination=0.05, n_estimators=2, evidence=None, random_state=0).fit(rows)
    assert [type(each) for each in detector.estimators_] == [AutoEncoder, RealNVP]
    assert [each.scaling_ for each in detector.estimators_] == scalings
    assert list(detector.labels_[:5]) == [-1] * 5
    first = next(detector.estimator_.module_.parameters())
    assert first.shape[-1] == (342 if "sketched" in scalings else 1024)
