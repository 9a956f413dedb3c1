"""init: which rows the first latent labels mark, whatever detector or scores they come from."""

from itertools import product

import numpy as np
import pytest
import torch
from conftest import slow_but
from scipy import sparse
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.cluster import KMeans
from sklearn.covariance import EllipticEnvelope
from sklearn.ensemble import IsolationForest, RandomForestClassifier
from sklearn.linear_model import LinearRegression, SGDOneClassSVM
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity, LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import OneClassSVM

from lofe_sklearn import LOE, AutoEncoder, DeepSVDD, MHRot, fit_many

N_ROWS, N_MARKED = 80, 8


@pytest.fixture
def X():
    """Ten far rows, so that every sensible detector agrees about most of the first labels."""
    rng = np.random.default_rng(0)
    X = np.concatenate(
        [rng.normal(0, 1, (70, 4)), rng.normal(0, 1, (10, 4)) + rng.choice([-9, 9], (10, 4))]
    )
    return rng.permutation(X)


def far(X):
    """Rows far from all others."""
    return np.linalg.norm(X, axis=1) > 9


def loe(estimator=None, **parameters):
    estimator = DeepSVDD(max_epochs=4, batch_size=40) if estimator is None else estimator
    return LOE(
        estimator,
        **{"contamination": N_MARKED / N_ROWS, "warmup_epochs": 2, "random_state": 0, **parameters},
    )


def first_marked(detector):
    """Rows marked in the first epoch, which are those of the whole warm-up."""
    labels = detector.estimator_.history_.labels[:, 0]
    for epoch in range(1, detector.warmup_epochs):
        np.testing.assert_array_equal(labels[epoch], labels[0])
    return np.flatnonzero(labels[0])


def lowest(normality, n=N_MARKED):
    return np.sort(np.argsort(normality, kind="stable")[:n])


class Knn:
    """A detector in PyOD's manner: no scikit-learn estimator, and high scores for outliers."""

    def __init__(self, k=5, inner=None):
        self.k, self.inner = k, inner

    def get_params(self, deep=True):
        params = {"k": self.k, "inner": self.inner}
        if deep and self.inner is not None:
            params.update({f"inner__{name}": v for name, v in self.inner.get_params().items()})
        return params

    def fit(self, X, y=None):
        distances = np.linalg.norm(X[:, None] - X[None], axis=2)
        self.decision_scores_ = np.sort(distances, axis=1)[:, self.k]
        return self

    def decision_function(self, X):
        raise AssertionError("its scores of the training rows are there already")


class OnlyDecides(OutlierMixin, BaseEstimator):
    """A scikit-learn outlier detector that has nothing but a decision function."""

    def fit(self, X, y=None):
        self.center_ = np.median(X, axis=0)
        return self

    def decision_function(self, X):
        return 5 - np.linalg.norm(X - self.center_, axis=1)


def of_lof(detector, X):
    return detector.fit(X).negative_outlier_factor_


def of_samples(detector, X):
    return detector.fit(X).score_samples(X)


def of_pyod(detector, X):
    return -detector.fit(X).decision_scores_


DETECTORS = {
    "lof": (lambda: LocalOutlierFactor(10), of_lof),
    "lof for new rows": (lambda: LocalOutlierFactor(10, novelty=True), of_lof),
    "lof in a pipeline": (
        lambda: make_pipeline(StandardScaler(), LocalOutlierFactor(10)),
        lambda d, X: of_lof(d[1], d[0].fit_transform(X)),
    ),
    "forest": (lambda: IsolationForest(random_state=3), of_samples),
    "pipeline": (
        lambda: make_pipeline(StandardScaler(), IsolationForest(random_state=3)),
        of_samples,
    ),
    "one-class svm": (lambda: OneClassSVM(nu=0.2), of_samples),
    "linear svm": (lambda: SGDOneClassSVM(random_state=0), of_samples),
    "envelope": (lambda: EllipticEnvelope(random_state=0), of_samples),
    "mixture": (lambda: GaussianMixture(2, random_state=0), of_samples),
    "density": (lambda: KernelDensity(bandwidth=0.5), of_samples),
    "backbone": (lambda: AutoEncoder(max_epochs=5, random_state=0), of_samples),
    "loe": (lambda: loe(random_state=4), of_samples),
    "pyod": (Knn, of_pyod),
    "nested pyod": (lambda: Knn(inner=Knn(k=3)), of_pyod),
    "decision": (OnlyDecides, lambda d, X: d.fit(X).decision_function(X)),
    "not hashable": (
        lambda: make_pipeline(FunctionTransformer(lambda X: X**3), IsolationForest(random_state=1)),
        of_samples,
    ),
}


# Each with one method, and each method with one of them.
@pytest.mark.parametrize(
    ("name", "method"),
    slow_but(
        [*product(DETECTORS, ["soft"]), ("lof", "hard"), ("lof", "refine")],
        product(DETECTORS, ["soft", "hard", "refine"]),
    ),
)
def test_the_first_labels_are_those_of_the_detector(X, name, method):
    make, normality = DETECTORS[name]
    given = make()
    before = set(vars(given))
    detector = loe(init=given, method=method).fit(X)
    expected = lowest(normality(make(), X))
    np.testing.assert_array_equal(first_marked(detector), expected)
    if name not in ("linear svm",):  # which knows no far rows
        assert far(X)[expected].mean() > 0.7
    # The user's own instance is not fitted.
    assert set(vars(given)) == before


@pytest.mark.all_trees
def test_the_isolation_forest(X):
    detector = loe(init="iforest").fit(X)
    expected = lowest(IsolationForest(random_state=0).fit(X).score_samples(X))
    np.testing.assert_array_equal(first_marked(detector), expected)


def test_the_5th_neighbour(X):
    """Features are standardised, and a row is its own nearest."""
    units = (X - X.mean(axis=0)) / X.std(axis=0)
    distances = np.sort(np.linalg.norm(units[:, None] - units[None], axis=2), axis=1)[:, 4]
    detector = loe(init="knn").fit(X * [1, 100, 1, 1e-3])
    np.testing.assert_array_equal(first_marked(detector), lowest(-distances))


@pytest.mark.parametrize(
    ("contamination", "expected"), [(0.1, "evidence"), ((0.05, 0.2), "iforest")]
)
def test_auto_goes_by_evidence_if_one_ratio_is_given(X, contamination, expected):
    """The forest where members assume several."""
    given = {"contamination": contamination, "evidence": None, "n_estimators": 2}
    first = first_marked(loe(init="auto", **given).fit(X))
    others = {"iforest", "evidence"} - {expected}
    np.testing.assert_array_equal(first, first_marked(loe(init=expected, **given).fit(X)))
    assert not np.array_equal(first, first_marked(loe(init=others.pop(), **given).fit(X)))


def test_a_backbone_may_say_how_labels_start(X):
    class FromForest(DeepSVDD):
        default_init = "iforest"

    own = loe(FromForest(max_epochs=4, batch_size=40), init="auto").fit(X)
    np.testing.assert_array_equal(first_marked(own), first_marked(loe(init="iforest").fit(X)))


def test_where_kinds_differ_in_it_each_starts_its_own_way(X):
    class FromNeighbours(DeepSVDD):
        default_init = "knn"

    both = [FromNeighbours(max_epochs=4, batch_size=40), DeepSVDD(max_epochs=4, batch_size=40)]
    detector = LOE(both, contamination=0.1, evidence=None, random_state=0)
    plan = detector._plan_fit(detector._prepare_rows(X), None, None, {})
    for task, init in zip(plan.members, ("knn", "iforest"), strict=True):
        expected = first_marked(loe(init=init).fit(X))
        order = np.argsort(-task.labelling.first_scores, kind="stable")
        np.testing.assert_array_equal(np.sort(order[:N_MARKED]), expected)


def test_none_is_a_blind_warm_up(X):
    for detector in (loe(init=None).fit(X), loe(method="blind").fit(X)):
        assert len(first_marked(detector)) == 0
    labels = loe(init=None).fit(X).estimator_.history_.labels
    assert (labels[2:].sum(axis=2) == N_MARKED).all()


def test_auto_of_images_is_a_blind_warm_up():
    X = np.random.default_rng(0).normal(size=(12, 5, 5))
    detector = loe(MHRot(depth=10, width=1, n_views=1, max_epochs=3)).fit(X)
    assert len(first_marked(detector)) == 0


def test_no_warm_up_needs_no_first_labels(X):
    expected = loe(init=None, warmup_epochs=0).fit(X).score_samples(X)
    scores = loe(init=LocalOutlierFactor(), warmup_epochs=0).fit(X).score_samples(X)
    np.testing.assert_array_equal(scores, expected)


@pytest.mark.parametrize("container", [np.asarray, list, lambda a: a.astype(int)])
def test_scores_that_are_given_are_high_for_normal_rows(X, container):
    scores = np.random.default_rng(1).permutation(N_ROWS) * 1.0
    detector = loe(init=container(scores)).fit(X)
    np.testing.assert_array_equal(first_marked(detector), lowest(scores))


def test_predictions_of_a_detector_are_scores(X):
    labels = np.where(far(X), -1, 1)
    labels[np.flatnonzero(far(X))[N_MARKED:]] = 1
    np.testing.assert_array_equal(
        first_marked(loe(init=labels).fit(X)), np.flatnonzero(labels == -1)
    )


def test_scores_keep_their_order_in_single_precision(X):
    scores = 1e9 + np.random.default_rng(1).permutation(N_ROWS)  # all equal in float32
    np.testing.assert_array_equal(first_marked(loe(init=scores).fit(X)), lowest(scores))


def test_known_labels_go_before_the_first_labels(X):
    scores = np.arange(N_ROWS)
    known = np.zeros(N_ROWS, dtype=int)
    known[:3] = 1
    known[-2:] = -1
    detector = loe(init=scores).fit(X, known_labels=known)
    np.testing.assert_array_equal(first_marked(detector), [*range(3, 9), 78, 79])


def test_the_labels_are_inferred_after_the_warm_up(X):
    wrong = np.where(far(X), 1.0, 0.5) + np.arange(N_ROWS) / 1e3
    detector = loe(DeepSVDD(max_epochs=60), init=wrong, method="soft").fit(X)
    assert not far(X)[first_marked(detector)].any()
    assert far(X)[detector.labels_ == -1].mean() > 0.5


def test_all_members_start_alike(X):
    detector = loe(init=KernelDensity(), n_estimators=3).fit(X)
    first = [member.history_.labels[0, 0] for member in detector.estimators_]
    np.testing.assert_array_equal(first[0], first[1])
    np.testing.assert_array_equal(first[0], first[2])


@pytest.mark.all_trees
def test_sparse_rows(X):
    X = sparse.csr_matrix(np.where(np.abs(X) > 0.5, X, 0))
    for init in (IsolationForest(random_state=0), "iforest"):
        detector = loe(init=init).fit(X)
        expected = lowest(IsolationForest(random_state=0).fit(X).score_samples(X))
        np.testing.assert_array_equal(first_marked(detector), expected)


class TestMembersOfSomeRows:
    def test_a_detector_is_fitted_to_these(self, X):
        detector = loe(init=LocalOutlierFactor(10), max_samples=40, n_estimators=2).fit(X)
        for member, rows in zip(detector.estimators_, detector.estimators_samples_, strict=True):
            factor = LocalOutlierFactor(10).fit(X[rows]).negative_outlier_factor_
            marked = np.flatnonzero(member.history_.labels[0, 0])
            np.testing.assert_array_equal(marked, lowest(factor, 4))

    def test_scores_are_of_all_rows(self, X):
        scores = np.random.default_rng(1).normal(size=N_ROWS)
        detector = loe(init=scores, max_samples=0.5, n_estimators=2).fit(X)
        for member, rows in zip(detector.estimators_, detector.estimators_samples_, strict=True):
            marked = np.flatnonzero(member.history_.labels[0, 0])
            np.testing.assert_array_equal(marked, lowest(scores[rows], 4))

    @pytest.mark.parametrize("n", [N_ROWS - 1, N_ROWS + 1, 40])
    def test_too_few_or_too_many_scores(self, X, n):
        scores = np.random.default_rng(1).normal(size=n)
        for parameters in ({"max_samples": 0.5}, {"contamination": "auto", "n_estimators": 2}):
            with pytest.raises(ValueError, match=rf"shape \({N_ROWS},\); got shape \({n},\)"):
                loe(init=scores, **parameters).fit(X)

    def test_rows_that_are_all_alike_are_warmed_up_blindly(self, X):
        scores = np.ones(N_ROWS)
        scores[5] = -1.0
        detector = loe(init=scores, max_samples=0.5, n_estimators=6).fit(X)
        for member, rows in zip(detector.estimators_, detector.estimators_samples_, strict=True):
            assert member.history_.labels[0, 0].sum() == (4 if 5 in rows else 0)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_rows_that_are_all_equal_are_no_reason_to_refuse_them():
    X = np.ones((20, 3))
    assert len(first_marked(loe(init="iforest").fit(X))) == 0
    with pytest.raises(ValueError, match="init gives the same score to every row.*init=None"):
        loe(init=KernelDensity()).fit(X)


def nan_in(i):
    scores = np.arange(N_ROWS, dtype=float)
    scores[i] = np.nan
    return scores


@pytest.mark.parametrize(
    ("init", "error", "message"),
    [
        (np.arange(N_ROWS - 1), ValueError, r"one score for each training row.*\(80,\).*\(79,\)"),
        (np.arange(N_ROWS)[:, None], ValueError, r"got shape \(80, 1\)"),
        ([], ValueError, r"got shape \(0,\)"),
        (nan_in(7), ValueError, "finite scores; got nan in row 7"),
        ([np.inf, *range(N_ROWS - 1)], ValueError, "finite scores; got inf in row 0"),
        (np.full(N_ROWS, 3.0), ValueError, "the same score to every row"),
        (np.arange(N_ROWS) % 2, ValueError, "only the values 0 and 1.*-labels.*known_labels"),
        (np.arange(N_ROWS) % 2 == 0, ValueError, "only the values 0 and 1"),
        (np.arange(N_ROWS) % 2 * 1.0, ValueError, "only the values 0 and 1"),
        (np.array(["a"] * N_ROWS), ValueError, "init must give numbers; got an array of <U1"),
        (np.array([None, *"a" * (N_ROWS - 1)]), ValueError, "must give numbers"),
        (
            IsolationForest,
            TypeError,
            "init must be one of 'auto', 'evidence', 'iforest', 'knn', None.*instance",
        ),
        ("lof", TypeError, "init must be one of 'auto', 'evidence', 'iforest', 'knn', .*got 'lof'"),
        (0.5, TypeError, "init must be one of .*got 0.5"),
        ({"lof": 1}, TypeError, "init must be one of"),
        (object(), TypeError, "init must be one of"),
        (LinearRegression(), TypeError, "whether LinearRegression's scores are high or low"),
        (RandomForestClassifier(), TypeError, "whether RandomForestClassifier's scores"),
        (make_pipeline(StandardScaler(), LinearRegression()), TypeError, "whether Pipeline's"),
        (
            KMeans(2, n_init=1),
            TypeError,
            "whether KMeans's scores are .*pass the scores themselves",
        ),
        (StandardScaler(), TypeError, "whether StandardScaler's"),
        (LocalOutlierFactor(n_neighbors=0), ValueError, "n_neighbors"),  # scikit-learn's own
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_cannot_be_used(X, init, error, message):
    detector = loe(init=init)
    with pytest.raises(error, match=message):
        detector.fit(X)
    assert not [name for name in vars(detector) if name.endswith("_")]
    # A detector that was fitted stays as it was.
    detector = loe(init=None).fit(X)
    expected = detector.score_samples(X)
    detector.set_params(init=init)
    with pytest.raises(error, match=message):
        detector.fit(X[:, :3])
    np.testing.assert_array_equal(detector.score_samples(X), expected)


@pytest.mark.parametrize(
    "way",
    [
        lambda detector, X: detector.fit(X),
        lambda detector, X: detector.partial_fit(X),
        lambda detector, X: detector.set_params(held_out_folds=2).fit(X),
        lambda detector, X: detector.set_params(max_samples=0.5).fit(X),
        lambda detector, X: fit_many([detector], X),
    ],
    ids=["fit", "partial_fit", "held_out_folds", "max_samples", "fit_many"],
)
def test_a_detector_that_fails_is_named(X, way):
    detector = loe(init=GaussianMixture(N_ROWS + 1))
    message = (
        r"LOE: init=GaussianMixture cannot be used with these \d+ rows of 4 features\..*n_samp"
    )
    with pytest.raises(ValueError, match=message):
        way(detector, X)
    with pytest.raises(ValueError, match=r"init=KernelDensity .*'bandwidth' parameter"):
        way(detector.set_params(init=KernelDensity(bandwidth=-1.0)), X)


def test_a_detector_that_takes_no_sparse_rows_is_named(X):
    with pytest.raises(TypeError, match=r"LOE: init=EllipticEnvelope .*dense data is required"):
        loe(init=EllipticEnvelope()).fit(sparse.csr_matrix(X))


def test_a_detector_without_parameters_is_copied_as_it_is(X):
    """Duck typing: `fit` and scores are enough."""

    class Minimal:
        k = 5

        def fit(self, X):
            self.decision_scores_ = np.linalg.norm(X, axis=1)

    given = Minimal()
    detector = loe(init=given).fit(X)
    np.testing.assert_array_equal(first_marked(detector), lowest(-np.linalg.norm(X, axis=1)))
    assert not vars(given)


def test_bad_scores_of_a_detector(X):
    class Nan(OnlyDecides):
        def decision_function(self, X):
            return np.full(len(X), np.nan)

    class Short(OnlyDecides):
        def decision_function(self, X):
            return np.arange(len(X) - 1.0)

    for init, message in (
        (Nan(), "finite scores; got nan in row 0"),
        (Short(), r"got shape \(79,\)"),
    ):
        with pytest.raises(ValueError, match=message):
            loe(init=init).fit(X)


class Returning(OutlierMixin, BaseEstimator):
    """A detector whose scores are what a function makes of numbers."""

    def __init__(self, change=None):
        self.change = change

    def fit(self, X, y=None):
        return self

    def score_samples(self, X):
        return self.change(-np.linalg.norm(X, axis=1))


# As `evidence` refuses them.
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: np.ma.masked_less(s, -1), "Returning: scores must hold no masked values"),
        (lambda s: torch.tensor(s, requires_grad=True), "Returning: scores must be readable by"),
        (lambda s: s + 1j, "Returning: scores must hold real numbers"),
        (lambda s: np.full(len(s), "a"), "Returning must give scores that are numbers"),
        (lambda s: None, "Returning must give one score to each row; got None"),
    ],
    ids=["masked", "gradient", "complex", "text", "nothing"],
)
def test_scores_of_a_detector_that_are_no_numbers(X, change, message):
    with pytest.raises(ValueError, match=f"init=Returning .* It says: LOE: {message}"):
        loe(init=Returning(change)).fit(X)
    with pytest.warns(UserWarning, match=f"evidence 'Returning' is left out.*LOE: {message}"):
        loe(init=None, evidence=Returning(change)).fit(X)
    loe(init=Returning(lambda s: s.astype(str))).fit(X)  # numbers as text are numbers


def test_pyod(X):
    knn = pytest.importorskip("pyod.models.knn")
    given = knn.KNN(n_neighbors=7)
    detector = loe(init=given).fit(X)
    expected = lowest(-knn.KNN(n_neighbors=7).fit(X).decision_scores_)
    np.testing.assert_array_equal(first_marked(detector), expected)
    assert far(X)[expected].all()
    assert getattr(given, "decision_scores_", None) is None


def test_a_better_start_gives_a_better_detector():
    """Anomalies in a tight cluster, which blind training takes for normal."""
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(0, 1, (108, 6)), rng.normal(2.5, 0.3, (12, 6))])
    anomalous = np.arange(120) >= 108

    def found(init):
        backbone = DeepSVDD(max_epochs=60, batch_size=60)
        detector = LOE(
            backbone, init=init, contamination=0.1, method="hard", warmup_epochs=15, random_state=0
        ).fit(X)
        return (detector.labels_ == -1)[anomalous].mean()

    assert found(np.where(anomalous, -1.0, 1.0)) > 0.9 > 0.5 > found(None)


def test_a_series_has_the_index_of_the_frame():
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    X, scores = pd.DataFrame(rng.normal(size=(60, 3))), pd.Series(rng.normal(size=60))
    X.columns = list("abc")

    def detector(init):
        return LOE(DeepSVDD(max_epochs=2), contamination=0.1, init=init, random_state=0)

    plain = detector(scores.to_numpy()).fit(X).score_samples(X)
    np.testing.assert_array_equal(detector(scores).fit(X).score_samples(X), plain)
    message = r"init must have the index of X, in the same order.*init\.reindex\(X\.index\) goes"
    with pytest.raises(ValueError, match=message):
        detector(scores[::-1]).fit(X)
    with pytest.raises(ValueError, match=message):
        fit_many([detector(scores), detector(scores[::-1])], X)
    # Rows of a frame without one go by position.
    detector(scores[::-1]).fit(X.to_numpy())
