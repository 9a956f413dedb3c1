"""`scaling="winsorized"`: a few far values do not hide the others of their feature."""

import numpy as np
import pytest
from scipy import sparse
from sklearn import config_context
from sklearn.metrics import roc_auc_score

from lofe_sklearn import LOE, AutoEncoder, DeepSVDD, engine, fit_many, load, save
from lofe_sklearn._training import fit_scaling


@pytest.fixture
def X():
    """A feature as it should be, one with codes of missing values, a long tail, and a constant."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(1000, 4))
    rows[::100, 1] = -999.0
    rows[:, 2] = np.exp(3.0 * rows[:, 2])
    rows[:, 3] = 7.0
    return rows


@pytest.fixture
def detector():
    return DeepSVDD(scaling="winsorized", max_epochs=2, random_state=0)


def test_limits_are_20_interquartile_ranges_from_the_median(X):
    shift, factor, low, high = fit_scaling(X, "winsorized")
    lower, middle, upper = np.percentile(X, [25, 50, 75], axis=0)
    for feature in (1, 2):
        reach = 20 * (upper[feature] - lower[feature])
        cut = np.clip(X[:, feature], middle[feature] - reach, middle[feature] + reach)
        np.testing.assert_allclose(shift[feature], cut.mean())
        np.testing.assert_allclose(factor[feature], 1 / cut.std())
        scaled = (np.array([middle[feature] - reach, middle[feature] + reach]) - cut.mean()) / (
            cut.std()
        )
        np.testing.assert_allclose([low[feature], high[feature]], scaled)
    as_standard = fit_scaling(X, "standard")
    for part, expected in zip((shift, factor), as_standard, strict=True):
        np.testing.assert_array_equal(part[[0, 3]], expected[[0, 3]])
    assert np.isinf(low[[0, 3]]).all()
    assert np.isinf(high[[0, 3]]).all()


def test_nothing_is_cut_off_where_no_value_is_far(X):
    own = X[:, [0, 3]]
    for part, expected in zip(
        fit_scaling(own, "winsorized"), fit_scaling(own, "standard"), strict=True
    ):
        np.testing.assert_array_equal(part, expected)


def test_mostly_equal_values_are_not_cut_off():
    rows = np.random.default_rng(0).normal(size=(200, 1))
    rows[:151] = 0.0  # quartiles that are equal, by which nothing is far
    rows[-1] = 1e4
    assert len(fit_scaling(rows, "winsorized")) == 2


@pytest.mark.parametrize("unit", [1e-300, 1.0, 1e-6, 1e290])
def test_units_do_not_matter(X, detector, unit):
    expected = detector.fit(X).score_samples(X)
    with np.errstate(over="ignore"):
        actual = detector.fit(X * unit).score_samples(X * unit)
    np.testing.assert_allclose(actual, expected, rtol=1e-9)


@pytest.mark.parametrize("container", [sparse.csr_matrix, sparse.csr_array, np.asfortranarray])
def test_containers_do_not_matter(X, detector, container):
    for part, expected in zip(
        fit_scaling(container(X), "winsorized"), fit_scaling(X, "winsorized"), strict=True
    ):
        np.testing.assert_allclose(part, expected, rtol=1e-12)
    scores = detector.fit(container(X)).score_samples(container(X))
    np.testing.assert_allclose(scores, detector.fit(X).score_samples(X), rtol=1e-6)


def test_wide_sparse_rows_are_not_made_dense():
    rng = np.random.default_rng(0)
    places = rng.integers(300, size=6000), rng.integers(200_000, size=6000)
    rows = sparse.csr_matrix((rng.uniform(size=6000), places), shape=(300, 200_000))
    rows = sparse.hstack([rows, np.arange(300.0)[:, None] ** 4]).tocsr()
    assert len(fit_scaling(rows, "winsorized")) == 2


def test_rows_beyond_the_limits_are_as_far_as_these(X, detector):
    detector.fit(X)
    rows = np.repeat(X[[1]], 3, axis=0)
    rows[1:, 1] = -1e6, -1e12
    typical, far, farther = detector.score_samples(rows)
    assert far == farther < typical


def test_one_model_of_a_stack_is_what_it_is_alone(X, detector):
    folds = [np.arange(0, 500), np.arange(500, 1000), np.arange(1000)]
    together = fit_many([detector] * 3, X, rows=folds)
    for fitted, rows in zip(together, folds, strict=True):
        alone = detector.fit(X[rows])
        for part, expected in zip(fitted._scaling, alone._scaling, strict=True):
            np.testing.assert_array_equal(part, expected)
        np.testing.assert_allclose(fitted.score_samples(X), alone.score_samples(X), rtol=1e-5)


def test_blocks_and_parts_are_cut_off_as_rows_in_memory(X, detector):
    X = np.tile(X, (20, 1)) + np.random.default_rng(1).normal(scale=0.01, size=(20_000, 4))
    expected = fit_scaling(X, "winsorized")
    with config_context(working_memory=1):
        in_blocks = detector.fit(_Source(X))._scaling
    for part, whole in zip(in_blocks, expected, strict=True):
        np.testing.assert_allclose(part, whole, rtol=0.3)  # moments of a sample
    streamed = DeepSVDD(scaling="winsorized", random_state=0)
    for start in range(0, len(X), 5000):
        streamed.partial_fit(X[start : start + 5000])
    assert len(streamed._scaling) == 4


class _Source:
    """Rows that are not an array."""

    def __init__(self, rows):
        self._rows, self.shape, self.dtype = rows, rows.shape, rows.dtype

    def __getitem__(self, index):
        return self._rows[index]


def test_a_saved_model_scores_alike(X, detector, tmp_path):
    detector.fit(X)
    save(detector, tmp_path / "model.lofe")
    scores = load(tmp_path / "model.lofe").score_samples(X)
    np.testing.assert_array_equal(scores, detector.score_samples(X))


def test_parts_of_a_scaling():
    np.testing.assert_array_equal(
        engine.parts_of(None, 2), [[0, 0], [1, 1], [-np.inf] * 2, [np.inf] * 2]
    )


def test_loe_cuts_off_for_what_goes_by_distances(X):
    fitted = LOE(random_state=0, evidence=["knn", "mcd"]).fit(X)
    assert [member.scaling_ for member in fitted.estimators_[:2]] == ["winsorized", "standard"]
    knn, mcd = fitted.evidence_["knn"], fitted.evidence_["mcd"]
    assert (len(knn.scaling_), len(mcd.scaling_)) == (4, 2)
    wide = np.hstack([X] + [np.random.default_rng(1).normal(size=(1000, 38))])
    of_wide = LOE(random_state=0).fit(wide).estimator_
    assert isinstance(of_wide, AutoEncoder)
    assert of_wide.scaling_ == "winsorized"
    assert LOE(DeepSVDD(max_epochs=1)).fit(X).estimator_.scaling_ == "standard"


def test_codes_of_missing_values_do_not_hide_anomalies():
    """One cell in a hundred is -999, in normal rows too: all of these were in one unit before."""
    rng = np.random.default_rng(3)
    X = rng.normal(size=(1000, 6)) @ rng.normal(size=(6, 6))
    y = np.arange(1000) >= 970
    X[y] += 6.0 * rng.choice([-1.0, 1.0], size=(30, 6))
    X[rng.random(X.shape) < 0.01] = -999.0
    detector = LOE(random_state=0).fit(X)
    assert roc_auc_score(y, -detector.score_samples(X)) > 0.9
