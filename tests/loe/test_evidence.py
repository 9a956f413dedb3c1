"""Evidence: what other detectors say of the rows, added to what the members say."""

import pickle

import numpy as np
import pandas as pd
import pytest
from conftest import FEW_TREES, in_units_of_normal_rows, slow_but
from scipy import sparse
from sklearn.base import BaseEstimator, OutlierMixin, clone
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.ensemble import IsolationForest
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity, LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from lofe_sklearn import LOE, AutoEncoder, DeepSVDD, LOESearchCV, MHRot, NeuTraL, fit_many
from lofe_sklearn._loe._by_name import CLASSICAL
from lofe_sklearn._loe._classical import Forest, Neighbors, Unfit
from lofe_sklearn._loe._evidence_source import Source
from lofe_sklearn.metrics import roc_auc

RNG = np.random.default_rng(0)
X = np.concatenate([RNG.normal(0, 1, (90, 4)), RNG.normal(6, 0.7, (10, 4))])
Y = np.repeat([0, 1], [90, 10])
NEW = np.concatenate([X[::7] + 0.1, RNG.normal(0, 4, (20, 4)), np.full((1, 4), 1e4)])


def loe(estimator=None, **parameters):
    estimator = DeepSVDD(max_epochs=3) if estimator is None else estimator
    given = {"contamination": 0.1, "n_estimators": 2, "init": FEW_TREES, "random_state": 0}
    return LOE(estimator, **{**given, **parameters})


def by_hand(training, scores):
    """What the scores of one detector are on the members' scale."""
    floor = 0.01 * training.std()
    logs = np.log(training - training.min() + floor)
    own = np.log(np.maximum(scores - training.min(), 0) + floor)
    return np.maximum((own - logs.mean()) / logs.std(), -0.5)


class Center(OutlierMixin, BaseEstimator):
    """Distance from the median, as scikit-learn's detectors say it: low for outliers."""

    fits = 0

    def __init__(self, factor=1.0, random_state=None):
        self.factor, self.random_state = factor, random_state

    def fit(self, X, y=None):
        Center.fits += 1
        self.center_ = np.median(X, axis=0)
        return self

    def decision_function(self, X):
        return 2 - self.factor * np.linalg.norm(X - self.center_, axis=1)


class PyodStyle:
    """High for outliers, and no scikit-learn estimator."""

    def fit(self, X, y=None):
        self.center_ = np.median(X, axis=0)
        self.decision_scores_ = self.decision_function(X)
        return self

    def decision_function(self, X):
        return np.abs(X - self.center_).max(axis=1)


class TestSource:
    def test_standardised_logarithms_by_hand(self):
        training = np.array([5.0, 6.0, 8.0, 12.0])
        source = Source.of("a", None, training)
        assert source.lowest == 5.0
        assert source.floor == pytest.approx(0.01 * np.sqrt(7.1875))  # the variance
        units = source.standardised(training)
        logs = np.log(training - 5 + source.floor)
        np.testing.assert_allclose(units, (logs - logs.mean()) / logs.std())

    def test_rows_below_the_lowest_count_as_it(self):
        source = Source.of("a", None, np.array([5.0, 6.0, 8.0]))
        at_the_lowest, below, far_below = source.standardised(np.array([5.0, 4.999, -1e9]))
        assert at_the_lowest == below == far_below

    def test_rows_above_the_highest_go_on_rising(self):
        source = Source.of("a", None, np.array([5.0, 6.0, 8.0]))
        units = source.standardised(np.array([8.0, 9.0, 1e6, 1e300]))
        assert (np.diff(units) > 0).all()
        assert np.isfinite(units).all()

    @pytest.mark.parametrize("value", [0.0, 3.0, -1e9, 1e-200])
    def test_scores_that_are_all_alike_say_nothing(self, value):
        source = Source.of("a", None, np.full(6, value))
        np.testing.assert_array_equal(source.standardised(np.full(6, value)), 0)
        assert np.isfinite(source.standardised(np.array([value + 1, value - 1]))).all()

    @pytest.mark.parametrize("seed", range(5))
    def test_does_not_depend_on_place_and_scale(self, seed):
        rng = np.random.default_rng(seed)
        training, new = rng.gamma(2, size=50), rng.gamma(2, size=20)
        expected = Source.of("a", None, training).standardised(new)
        moved = Source.of("a", None, 1e3 * training - 70).standardised(1e3 * new - 70)
        np.testing.assert_allclose(moved, expected, rtol=1e-6, atol=1e-9)

    def test_scores_beyond_what_can_be_squared(self):
        with pytest.raises(Unfit, match=r"its scores, up to 1e\+300, are too large"):
            Source.of("a", None, np.array([0.0, 1e300, -1e300]))


def as_names(detector):
    return list(detector.evidence_)


FORMS = {
    "a name": ("iforest", ["iforest"]),
    "names": (["knn", "iforest"], ["knn", "iforest"]),
    "a tuple": (("mcd",), ["mcd"]),
    "auto": ("auto", ["iforest", "knn", "mcd"]),
    "a detector": (IsolationForest(n_estimators=5), ["IsolationForest"]),
    "a density": (GaussianMixture(), ["GaussianMixture"]),
    "an outlier detector": (Center(), ["Center"]),
    "LOF": (LocalOutlierFactor(30, novelty=True), ["LocalOutlierFactor"]),
    "a pipeline": (make_pipeline(StandardScaler(), Center()), ["Pipeline"]),
    "in PyOD's manner": (PyodStyle(), ["PyodStyle"]),
    "a backbone": (AutoEncoder(max_epochs=2), ["AutoEncoder"]),
    "mixed": (["knn", Center(), PyodStyle()], ["knn", "Center", "PyodStyle"]),
    "twice": (
        ["knn", Center(), "knn", Center(2.0), "knn"],
        ["knn", "Center", "knn-2", "Center-2", "knn-3"],
    ),
}


@pytest.mark.parametrize("form", FORMS)
class TestForms:
    def test_fit_and_score(self, form):
        given, names = FORMS[form]
        detector = loe(evidence=given).fit(X)
        assert as_names(detector) == names
        assert detector.evidence is given
        scores = detector.score_samples(X)
        np.testing.assert_allclose(scores, detector._training_scores, rtol=1e-7, atol=1e-9)
        assert roc_auc(Y, scores) > 0.95
        new = detector.score_samples(NEW)
        assert np.isfinite(new).all()
        assert new[-1] == new.min()
        alone = np.concatenate([detector.score_samples(row[None]) for row in NEW])
        np.testing.assert_allclose(alone, new, rtol=1e-7, atol=1e-7)
        np.testing.assert_array_equal(detector.labels_, np.where(scores < detector.offset_, -1, 1))

    def test_the_users_own_detectors_stay_unfitted(self, form):
        given, _ = FORMS[form]
        each = given if isinstance(given, (list, tuple)) else [given]
        before = [None if isinstance(one, str) else set(vars(one)) for one in each]
        loe(evidence=given).fit(X)
        assert [None if isinstance(one, str) else set(vars(one)) for one in each] == before

    def test_pickles_and_clones(self, form):
        given, _ = FORMS[form]
        detector = loe(evidence=given).fit(X)
        again = pickle.loads(pickle.dumps(detector))
        np.testing.assert_array_equal(again.score_samples(NEW), detector.score_samples(NEW))
        refitted = clone(detector).fit(X)
        np.testing.assert_array_equal(refitted.score_samples(NEW), detector.score_samples(NEW))


class TestFormula:
    @pytest.mark.all_trees
    @pytest.mark.parametrize("contamination", [0.1, (0.05, 0.2), "auto"])
    @pytest.mark.parametrize("n_estimators", [1, 3])
    @pytest.mark.filterwarnings("ignore::lofe_sklearn.exceptions.NoSeparateGroupWarning")
    def test_weighted_mean_of_members_and_evidence(self, contamination, n_estimators):
        given = {"contamination": contamination, "n_estimators": n_estimators}
        detector = loe(evidence=["iforest", Center()], **given).fit(X)
        weight = detector._ensemble.evidence.weight
        assert weight > 0
        evidence = np.mean(
            [
                by_hand(own(X), own(NEW))
                for own in (
                    lambda rows: -IsolationForest(random_state=0).fit(X).score_samples(rows),
                    lambda rows: -Center().fit(X).decision_function(rows),
                )
            ],
            axis=0,
        )

        def loss(member, rows):
            return np.log(np.maximum(-member.score_samples(rows), 1e-12))

        units = in_units_of_normal_rows(
            [loss(member, X) for member in detector.estimators_],
            [loss(member, NEW) for member in detector.estimators_],
            contamination if contamination == 0.1 else 0.0,
        )
        counts = detector._ensemble.scale.weights
        assert counts.mean() == pytest.approx(1)
        members = np.average(units, axis=0, weights=counts)
        expected = -(members + weight * evidence) / (1 + weight)
        np.testing.assert_allclose(detector.score_samples(NEW), expected, rtol=1e-5, atol=1e-6)

    def test_the_weight_falls_with_the_number_of_rows(self):
        def weight(X, contamination):
            detector = loe(evidence="iforest", contamination=contamination)
            plan = detector._plan_fit(detector._prepare_rows(X), None, None, {})
            return plan.evidence.weight

        twice = np.concatenate([X, X])
        assert weight(X, 0.1) == pytest.approx(2 * weight(twice, 0.1))
        # Members whose ratio is not known are trusted less.
        assert weight(X, "auto") == weight(X, (0.05, 0.2)) > weight(X, 0.1)

    def test_without_evidence_scores_are_those_of_the_members_alone(self):
        detector = loe(evidence=None).fit(X)
        assert detector.evidence_ is None
        logs = [np.log(np.maximum(-m.score_samples(X), 1e-12)) for m in detector.estimators_]
        expected = -in_units_of_normal_rows(logs, logs, 0.1).mean(axis=0)
        np.testing.assert_allclose(detector.score_samples(X), expected, rtol=1e-5, atol=1e-6)

    def test_members_are_trained_as_without_it(self):
        alone, beside = loe(evidence=None).fit(X), loe(evidence="knn").fit(X)
        for a, b in zip(alone.estimators_, beside.estimators_, strict=True):
            np.testing.assert_array_equal(a.score_samples(X), b.score_samples(X))

    def test_of_one_member_without_evidence_the_score_is_minus_its_loss(self):
        for evidence in (None, "auto"):
            detector = loe(n_estimators=1, evidence=evidence).fit(X)
            np.testing.assert_array_equal(
                detector.score_samples(NEW), detector.estimator_.score_samples(NEW)
            )

    def test_a_log_density_is_not_logged_again(self):
        class Linear(DeepSVDD):
            def build_module(self, n_features):
                module = super().build_module(n_features)
                module.score_scale = "linear"
                return module

        detector = loe(Linear(max_epochs=3), n_estimators=1, evidence="knn").fit(X)
        loss = -detector.estimator_.score_samples(X)
        weight = detector._ensemble.evidence.weight
        evidence = detector._ensemble.evidence.score(X)
        expected = -((loss - loss.mean()) / loss.std() + weight * evidence) / (1 + weight)
        np.testing.assert_allclose(detector.score_samples(X), expected, rtol=1e-5, atol=1e-6)


def test_the_ratio_goes_by_ranks_that_are_not_cut_off():
    """Rows that a cut makes equal would count as ties, by which detectors agree less."""
    evidence = loe(contamination="auto").fit(X)._ensemble.evidence
    np.testing.assert_allclose(evidence.training.mean(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(evidence.training.std(axis=1), 1)
    assert evidence.training.min() < evidence.of_training().min() == -0.5


class TestAuto:
    def test_is_the_default_of_several_members(self):
        assert LOE().evidence == "auto"
        assert as_names(loe().fit(X)) == ["iforest", "knn", "mcd"]

    @pytest.mark.parametrize(
        "detector",
        [
            loe(n_estimators=1),
            LOE(NeuTraL(max_epochs=2), contamination=0.1),
            loe(method="blind"),
        ],
        ids=["one member", "one backbone", "blind"],
    )
    def test_is_none_where_there_is_nothing_to_add_to(self, detector):
        assert detector.fit(X).evidence_ is None

    def test_is_none_for_images(self):
        images = np.random.default_rng(0).normal(size=(12, 5, 5))
        small = MHRot(depth=10, width=1, n_views=1, max_epochs=2)
        assert loe(small, init=None).fit(images).evidence_ is None
        named = loe(small, init=None, evidence="knn").fit(images)
        assert as_names(named) == ["knn"]
        scores = named.score_samples(images)
        np.testing.assert_allclose(scores, named._training_scores, rtol=1e-4, atol=1e-5)

    @pytest.mark.parametrize(
        ("shape", "names"),
        [
            ((40, 1), ["iforest", "knn"]),
            ((40, 13), ["iforest", "knn"]),
            ((40, 12), ["iforest", "knn", "mcd"]),
            ((10, 60), ["iforest", "knn"]),
        ],
    )
    def test_takes_those_that_suit_the_rows(self, shape, names):
        rows = np.random.default_rng(0).normal(size=shape)
        assert as_names(loe().fit(rows)) == names

    @pytest.mark.parametrize("evidence", ["knn", Center()], ids=["name", "detector"])
    def test_what_is_named_is_taken_always(self, evidence):
        for detector in (loe(n_estimators=1), loe(method="blind")):
            assert len(detector.set_params(evidence=evidence).fit(X).evidence_) == 1


class TestSharedFits:
    @pytest.fixture
    def fits(self, monkeypatch):
        """Names of what is fitted, in turn."""
        fits = []
        for kind in CLASSICAL.values():

            def counted(self, X, y=None, fit=kind.fit, **others):
                fits.append(type(self).__name__)
                return fit(self, X, y, **others)

            monkeypatch.setattr(kind, "fit", counted)
        return fits

    def test_of_first_labels_and_evidence(self, fits):
        loe(init="iforest").fit(X)
        assert sorted(fits) == ["Forest", "Neighbors", "RobustCovariance"]

    def test_of_many_detectors(self, fits):
        each = [loe(init="iforest", contamination=ratio) for ratio in (0.05, 0.1, 0.2)]
        fit_many(each, X)
        assert sorted(fits) == ["Forest", "Neighbors", "RobustCovariance"]

    def test_of_somebody_elses_detector(self):
        Center.fits = 0
        loe(init=Center(), evidence=Center()).fit(X)
        assert Center.fits == 1
        fit_many([loe(evidence=Center(), method=method) for method in ("soft", "hard")], X)
        assert Center.fits == 2
        loe(init=Center(2.0), evidence=Center()).fit(X)
        assert Center.fits == 4

    def test_first_labels_of_some_rows_are_fitted_to_these(self):
        Center.fits = 0
        detector = loe(init=Center(), evidence=Center(), max_samples=0.5, n_estimators=3).fit(X)
        assert Center.fits == 4
        np.testing.assert_array_equal(detector.evidence_["Center"].center_, np.median(X, axis=0))

    def test_equal_seeds_give_equal_evidence(self):
        detectors = [loe(evidence=IsolationForest(n_estimators=4)).fit(X) for _ in range(2)]
        np.testing.assert_array_equal(*(each.score_samples(NEW) for each in detectors))
        seeded = detectors[0].evidence_["IsolationForest"].random_state
        assert seeded == 0
        own = loe(evidence=IsolationForest(n_estimators=4, random_state=9)).fit(X)
        assert own.evidence_["IsolationForest"].random_state == 9


class Fails(Center):
    def __init__(self, at="fit", factor=1.0):
        self.at, self.factor = at, factor

    def fit(self, X, y=None):
        if self.at == "fit":
            raise RuntimeError("no licence")
        return super().fit(X)

    def decision_function(self, X):
        if self.at == "score":
            raise RuntimeError("no licence")
        if self.at == "nan":
            return np.full(len(X), np.nan)
        if self.at == "short":
            return np.zeros(len(X) - 1)
        return super().decision_function(X)


class NoSparse(Center):
    def fit(self, X, y=None):
        if sparse.issparse(X):
            raise TypeError("Sparse data was passed, but dense data is required.")
        return super().fit(X)


DEPENDENT = np.hstack([X, X[:, :1] + X[:, 1:2]])
FAILING = {
    "singular": ("mcd", DEPENDENT, r"'mcd' \(the robust covariance\) is left out.*singular"),
    "few rows": ("mcd", X[:5], "'mcd'.* 5 rows of 4 features: 5 rows are too few"),
    "constant": ("mcd", np.ones((30, 3)), "'mcd'.*all features are constant"),
    "raises": (Fails(), X, "'Fails' is left out.*RuntimeError: no licence"),
    "raises when it scores": (Fails("score"), X, "'Fails' is left out.*RuntimeError: no licence"),
    "not finite": (Fails("nan"), X, "'Fails' is left out.*gave row 0 the score nan"),
    "short": (Fails("short"), X, r"'Fails' is left out.*shape \(99,\)"),
    "no sparse rows": (NoSparse(), sparse.csr_matrix(X), "'NoSparse' is left out.*TypeError"),
}


@pytest.mark.filterwarnings("ignore:.*same score:UserWarning")
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", FAILING)
class TestFailing:
    def test_alone_it_leaves_the_members(self, name):
        evidence, rows, message = FAILING[name]
        with pytest.warns(UserWarning, match=message):
            detector = loe(init="iforest", evidence=evidence).fit(rows)
        assert detector.evidence_ is None
        expected = loe(init="iforest", evidence=None).fit(rows)
        np.testing.assert_array_equal(detector.score_samples(rows), expected.score_samples(rows))
        np.testing.assert_array_equal(detector.labels_, expected.labels_)

    def test_among_others_it_is_left_out(self, name):
        evidence, rows, message = FAILING[name]
        with pytest.warns(UserWarning, match=message):
            detector = loe(init="iforest", evidence=["knn", evidence, "iforest"]).fit(rows)
        assert as_names(detector) == ["knn", "iforest"]
        expected = loe(init="iforest", evidence=["knn", "iforest"]).fit(rows)
        np.testing.assert_array_equal(detector.score_samples(rows), expected.score_samples(rows))


def test_evidence_that_fails_on_new_rows_says_which():
    class Rises(Center):
        def decision_function(self, X):
            return np.where(np.abs(X).max(axis=1) > 50, np.nan, super().decision_function(X))

    detector = loe(evidence=Rises()).fit(X)
    with pytest.raises(ValueError, match="Rises gave row 1 the score nan"):
        detector.score_samples([[0, 0, 0, 0], [99, 0, 0, 0]])


class TestRefused:
    @pytest.mark.parametrize(
        ("evidence", "error", "message"),
        [
            ("knm", ValueError, "evidence must be 'auto', None.*got 'knm'.*mean 'knn'"),
            (["knn", "mdc"], ValueError, "got 'mdc'.*mean 'mcd'"),
            (["auto"], ValueError, "got 'auto'"),
            ([], ValueError, "must not be an empty list; pass None"),
            (IsolationForest, TypeError, "the class IsolationForest.*parentheses"),
            (0.5, TypeError, "evidence must be .*got 0.5"),
            (True, TypeError, "got True"),
            ({"knn": 1}, TypeError, "evidence must be"),
            ([None], TypeError, "got None"),
        ],
        ids=str,
    )
    def test_what_is_no_evidence(self, evidence, error, message):
        self.check(evidence, error, message)

    def test_scores_without_a_known_sign(self):
        from sklearn.cluster import KMeans
        from sklearn.ensemble import RandomForestClassifier
        from sklearn.linear_model import LinearRegression

        for evidence in (
            RandomForestClassifier(),
            LinearRegression(),
            make_pipeline(StandardScaler(), LinearRegression()),
            KMeans(2, n_init=1),
            StandardScaler(),
            LocalOutlierFactor(5),
            ["knn", LocalOutlierFactor(5)],
        ):
            name = type(evidence[1] if isinstance(evidence, list) else evidence).__name__
            self.check(evidence, TypeError, f"cannot take {name}: it must score rows")

    @staticmethod
    def check(evidence, error, message):
        detector = loe(evidence=evidence)
        with pytest.raises(error, match=message):
            detector.fit(X)
        assert not [name for name in vars(detector) if name.endswith("_")]

    def test_a_fitted_detector_stays_as_it_was(self):
        detector = loe(evidence=None).fit(X)
        expected = detector.score_samples(X)
        with pytest.raises(TypeError, match="cannot take StandardScaler"):
            detector.set_params(evidence=StandardScaler()).fit(X[:, :2])
        np.testing.assert_array_equal(detector.score_samples(X), expected)


ROWS = {
    "sparse": sparse.random(60, 30, density=0.2, format="csr", random_state=0),
    "wide": np.random.default_rng(0).normal(size=(20, 80)),
    "single precision": X.astype(np.float32),
    "tiny units": X * [1e-300, 1, 1e-200, 1e-5],
    "huge units": X * [1e300, 1, 1e200, 1e5],
    "a constant column": np.insert(X, 1, 7.0, axis=1),
    "duplicates": np.repeat(X[::10], 8, axis=0),
    "integers": np.round(X).astype(int),
    "two rows": X[:2],
    "three rows": X[:3],
    "one column": X[:, :1],
}


@pytest.mark.parametrize(
    "name",
    slow_but(["sparse", "wide", "huge units", "duplicates", "two rows", "one column"], ROWS),
)
def test_awkward_rows(name):
    rows = ROWS[name]
    detector = loe(init="auto", evidence=["iforest", "knn"]).fit(rows)
    scores = detector.score_samples(rows)
    assert np.isfinite(scores).all()
    np.testing.assert_allclose(scores, detector._training_scores, rtol=1e-7, atol=1e-7)
    alone = np.concatenate([detector.score_samples(rows[i : i + 1]) for i in range(rows.shape[0])])
    np.testing.assert_allclose(alone, scores, rtol=1e-7, atol=1e-7)
    assert len(detector.evidence_) == 2
    loe(init="auto").fit(rows)  # and by default


@pytest.mark.filterwarnings("ignore:.*same score:UserWarning")
def test_rows_that_are_all_equal():
    detector = loe(evidence=["iforest", "knn"], init="auto").fit(np.ones((30, 3)))
    assert np.isfinite(detector.score_samples([[1, 1, 1], [2, 2, 2]])).all()


def test_equal_rows_get_one_score_wherever_they_stand():
    rows = np.concatenate([X, X[:20]])
    detector = loe(init="auto").fit(rows)
    scores = detector.score_samples(rows)
    np.testing.assert_allclose(scores[100:], scores[:20], rtol=1e-7, atol=1e-7)
    order = np.random.default_rng(0).permutation(len(rows))
    np.testing.assert_allclose(detector.score_samples(rows[order]), scores[order], atol=1e-7)


class TestOtherEntries:
    @pytest.mark.parametrize("evidence", [None, "auto", ["knn", Center()]], ids=str)
    def test_fit_many_equals_single_fits(self, evidence):
        each = [loe(evidence=evidence, contamination=c) for c in (0.05, 0.1, (0.05, 0.2))]
        for one, many in zip(each, fit_many([clone(e) for e in each], X), strict=True):
            one.fit(X)
            np.testing.assert_allclose(
                one.score_samples(NEW), many.score_samples(NEW), rtol=1e-4, atol=1e-4
            )

    def test_fit_many_on_other_rows(self):
        each = [loe(evidence="knn"), loe(evidence="knn")]
        rows = [np.arange(60), np.arange(40, 100)]
        for own, many in zip(rows, fit_many(each, X, rows=rows), strict=True):
            expected = Neighbors().fit(X[own]).outlier_scores(NEW)
            np.testing.assert_allclose(many.evidence_["knn"].outlier_scores(NEW), expected)

    def test_a_search_over_evidence(self):
        grid = {"evidence": [None, "auto", "knn", Center(), ["iforest", Center()]]}
        search = LOESearchCV(loe(), grid, cv=2).fit(X, Y)
        assert np.isfinite(search.cv_results_["mean_test_score"]).all()
        assert search.best_estimator_.evidence in grid["evidence"]

    def test_nested_parameters(self):
        detector = loe(evidence=IsolationForest(n_estimators=3))
        detector.set_params(evidence__n_estimators=7, evidence__random_state=5)
        assert detector.get_params()["evidence__n_estimators"] == 7
        fitted = detector.fit(X).evidence_["IsolationForest"]
        assert (len(fitted.estimators_), fitted.random_state) == (7, 5)
        for evidence in ("knn", None, ["knn", "mcd"]):
            with pytest.raises(ValueError, match="evidence__factor cannot be set, since evidence"):
                loe(evidence=evidence).set_params(evidence__factor=2.0)
        several = loe(evidence=[Center(), Center()]).set_params(evidence__factor=2.0)
        assert [each.factor for each in several.evidence] == [2.0, 2.0]

    def test_known_labels_stand(self):
        known = np.zeros(100, dtype=int)
        known[:5], known[90:93] = 1, -1
        known[5] = -1  # whatever the evidence says of it
        detector = loe().fit(X, known_labels=known)
        np.testing.assert_array_equal(detector.labels_[known != 0], known[known != 0])

    def test_members_of_some_rows_and_features(self):
        detector = loe(max_samples=0.5, max_features=2, n_estimators=4).fit(X)
        assert detector.evidence_["knn"].rows_.shape == (90, 4)  # all but the anomalies
        np.testing.assert_allclose(
            detector.score_samples(X), detector._training_scores, rtol=1e-6, atol=1e-7
        )

    def test_thresholds_follow(self):
        detector = loe(n_estimators=4).fit(X)
        detector.set_threshold(n_flagged=10)
        np.testing.assert_array_equal(np.flatnonzero(detector.labels_ == -1), np.arange(90, 100))
        assert (detector.anomaly_proba(X)[:90] <= 0.5).all()


class TestHeldOut:
    def test_detectors_are_fitted_without_the_fold(self):
        """A row far from all others has no neighbour to hide behind once it is held out."""
        seen = []

        class Remembers(Center):
            def fit(self, X, y=None):
                seen.append(X.copy())
                return super().fit(X)

        detector = loe(evidence=Remembers(), held_out_folds=4).fit(X)
        assert [len(rows) for rows in seen] == [100, 75, 75, 75, 75]
        rows = {row.tobytes() for part in seen[1:] for row in part}
        assert len(rows) == 100
        assert np.isfinite(detector.held_out_scores_).all()

    def test_by_hand(self):
        detector = loe(evidence="knn", held_out_folds=2)
        plan = detector._plan_fit(detector._prepare_rows(X), None, None, {})
        evidence, fold = plan.evidence, plan.folds[0]
        outside = np.setdiff1d(np.arange(100), fold.held_out)
        expected = by_hand(
            Neighbors().fit(X).outlier_scores(X),
            Neighbors().fit(X[outside]).outlier_scores(X[fold.held_out]),
        )
        np.testing.assert_allclose(evidence.held_out(X, outside, fold.held_out), expected)

    def test_compare_with_scores_of_new_rows(self):
        rng = np.random.default_rng(0)
        rows, new = rng.normal(size=(2, 400, 4))
        detector = loe(DeepSVDD(max_epochs=10), held_out_folds=3, init="auto").fit(rows)
        p_values = detector.p_values(new)
        assert p_values.mean() == pytest.approx(0.5, abs=0.07)
        assert 0.03 < (p_values <= 0.1).mean() < 0.17

    def test_one_that_cannot_be_fitted_without_the_fold(self):
        class Needs(Center):
            def fit(self, X, y=None):
                if len(X) < 100:
                    raise ValueError("100 rows are needed")
                return super().fit(X)

        with pytest.warns(UserWarning, match="'Needs' is left out of some held_out_scores_.*100"):
            detector = loe(evidence=["knn", Needs()], held_out_folds=2).fit(X)
        assert list(detector.evidence_) == ["knn", "Needs"]
        assert np.isfinite(detector.held_out_scores_).all()
        with pytest.warns(UserWarning, match="left out of some held_out_scores_"):
            alone = loe(evidence=Needs(), held_out_folds=2).fit(X)
        assert np.isfinite(alone.held_out_scores_).all()


def test_pyod():
    knn = pytest.importorskip("pyod.models.knn")
    given = knn.KNN(n_neighbors=7)
    detector = loe(evidence=given).fit(X)
    again = knn.KNN(n_neighbors=7).fit(X)
    expected = by_hand(again.decision_function(X), again.decision_function(NEW))
    np.testing.assert_allclose(detector._ensemble.evidence.score(NEW), expected)
    assert getattr(given, "decision_scores_", None) is None
    first = loe(init=given, evidence=given).fit(X)
    assert list(first.evidence_) == ["KNN"]


def test_a_density_is_high_for_normal_rows():
    detector = loe(evidence=KernelDensity()).fit(X)
    expected = -KernelDensity().fit(X).score_samples(X)
    evidence = detector._ensemble.evidence.of_training()
    np.testing.assert_allclose(evidence, by_hand(expected, expected))


def test_the_forest_of_first_labels_is_that_of_the_evidence():
    detector = loe(init="iforest", random_state=5).fit(X)
    forest = detector.evidence_["iforest"]
    assert isinstance(forest, Forest)
    marked = np.flatnonzero(detector.estimator_.history_.labels[0, 0])
    expected = np.argsort(-forest.outlier_scores(X), kind="stable")[:10]
    np.testing.assert_array_equal(marked, np.sort(expected))


def rows_with_zeros():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(60, 3))
    X[:4] += 6
    return np.where(np.abs(X) < 0.5, 0.0, X)


@pytest.mark.parametrize("evidence", [GaussianMixture(), KernelDensity(), PyodStyle()])
def test_a_detector_gets_rows_in_the_container_that_it_was_fitted_to(evidence):
    X = rows_with_zeros()
    detector = loe(evidence=evidence).fit(X)
    loaded = pickle.loads(pickle.dumps(detector))
    for each in (detector, loaded):
        np.testing.assert_allclose(
            each.score_samples(sparse.csr_matrix(X)), detector.score_samples(X), rtol=1e-6
        )


def test_a_detector_that_was_fitted_to_sparse_rows_gets_sparse_ones():
    class Sparse(Center):
        def fit(self, X, y=None):
            return super().fit(X.toarray())

        def decision_function(self, X):
            return super().decision_function(X.toarray())

    X = rows_with_zeros()
    detector = loe(evidence=Sparse()).fit(sparse.csr_matrix(X))
    np.testing.assert_allclose(
        detector.score_samples(X), detector.score_samples(sparse.csr_matrix(X)), rtol=1e-6
    )


@pytest.mark.parametrize("options", [{}, {"init": GaussianMixture()}])
def test_sparse_parts_and_a_detector_of_dense_rows(options):
    X = rows_with_zeros()
    dense, parts = (
        loe(evidence=GaussianMixture(), **options).partial_fit(rows).partial_fit(rows)
        for rows in (X, sparse.csr_matrix(X))
    )
    assert list(parts.evidence_) == ["GaussianMixture"]
    np.testing.assert_allclose(parts.score_samples(X), dense.score_samples(X), rtol=1e-4)


class Wayward(Center):
    """Fails on fewer than 20 rows, or gives too few scores for them."""

    def __init__(self, fault="fails", random_state=None):
        super().__init__(random_state=random_state)
        self.fault = fault

    def decision_function(self, X):
        scores = super().decision_function(X)
        if len(X) >= 20:
            return scores
        if self.fault == "fails":
            raise ValueError("give me more rows")
        return scores[:1]


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("fails", "LOE: evidence 'Wayward' cannot be used with these 3 rows .*give me more rows"),
        ("short", r"LOE: evidence 'Wayward' must give one score to each row, shape \(3,\)"),
    ],
)
def test_a_detector_that_fails_on_new_rows_or_gives_too_few_scores(fault, message):
    X = rows_with_zeros()
    detector = loe(evidence=Wayward(fault)).fit(X)
    for call in (detector.score_samples, detector.predict, detector.anomaly_proba):
        with pytest.raises(ValueError, match=message):
            call(X[:3])
    if fault == "short":
        with pytest.warns(UserWarning, match=r"'Wayward' is left out of some held_out_scores_"):
            loe(evidence=Wayward(fault), held_out_folds=6).fit(X)


@pytest.mark.parametrize(
    "picks",
    [
        ColumnTransformer([("some", StandardScaler(), ["a", "b"])]),
        ColumnTransformer([("some", StandardScaler(), make_column_selector())]),
        FunctionTransformer(lambda X: X[["a", "b"]]),
        FunctionTransformer(lambda X: X.loc[:, "a":"b"]),
    ],
    ids=["names", "selector", "brackets", "loc"],
)
def test_a_detector_that_picks_columns_by_name_is_told_what_it_gets(picks):
    """Detectors get arrays, so `evidence` is left out and `init` fails; both say what helps."""
    named = pd.DataFrame(X, columns=list("abcd"))
    detector = make_pipeline(picks, IsolationForest())
    message = r"gets an array without column names.*pick them by number, such as \[0, 1\]\. "
    with pytest.warns(UserWarning, match="'Pipeline' is left out.*" + message):
        loe(evidence=detector).fit(named)
    with pytest.raises(ValueError, match="LOE: init=Pipeline cannot be used.*" + message):
        loe(init=detector).fit(named)


def test_a_detector_that_fails_for_another_reason_is_told_nothing_of_names():
    with pytest.warns(UserWarning, match="left out") as caught:
        loe(evidence=GaussianMixture(len(X) + 1)).fit(X)
    assert not any("names" in str(each.message) for each in caught)


def test_a_detector_may_pick_columns_by_number():
    picks = ColumnTransformer([("some", StandardScaler(), [0, 1])])
    detector = make_pipeline(picks, IsolationForest())
    fitted = loe(evidence=detector, init=detector).fit(pd.DataFrame(X, columns=list("abcd")))
    assert list(fitted.evidence_) == ["Pipeline"]


IN_PLACE = make_pipeline(StandardScaler(copy=False), FEW_TREES)


@pytest.mark.parametrize("rows", [X, pd.DataFrame(X, columns=list("abcd"))], ids=["array", "frame"])
@pytest.mark.parametrize(
    "parameters",
    [
        {"evidence": IN_PLACE},
        {"evidence": None, "init": IN_PLACE},
        {"evidence": IN_PLACE, "held_out_folds": 2},
    ],
    ids=["evidence", "init", "folds"],
)
def test_a_detector_that_computes_in_place_changes_no_rows(rows, parameters):
    given = rows.copy()
    detector = loe(**parameters).fit(given)
    copies = {
        name: clone(IN_PLACE).set_params(standardscaler__copy=True)
        for name, value in parameters.items()
        if value is IN_PLACE
    }
    np.testing.assert_array_equal(np.asarray(given), X)
    expected = loe(**{**parameters, **copies}).fit(rows).score_samples(rows)
    np.testing.assert_allclose(detector.score_samples(given), expected, rtol=1e-9)
    np.testing.assert_array_equal(np.asarray(given), X)
    np.testing.assert_array_equal(detector.predict(given), detector.labels_)
