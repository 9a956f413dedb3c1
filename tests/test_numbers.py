"""Values at the limits of numbers: constant, huge, tiny, tied."""

import pickle
import re

import numpy as np
import pandas as pd
import pytest
from conftest import slow_but
from scipy import sparse
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lofe_sklearn import (
    DTE,
    GOAD,
    ICL,
    LOE,
    TCCM,
    AutoEncoder,
    DeepSVDD,
    LOESearchCV,
    NeuTraL,
    RealNVP,
    engine,
    fit_many,
)
from lofe_sklearn._cut import threshold, untied
from lofe_sklearn._loe._ensemble import infer_labels
from lofe_sklearn._training import (
    fit_scaling,
    in_units,
    one_feature_dominates,
    resolve_scaling,
    units_within,
)

CONSTANTS = [0.0, 14.62, -0.1, 1e-9, 1e6 + 0.1, 1.7e9 + 0.3, 1e18, 1e200, 1e-200, 5e-324, -1e308]
MAX, MAX32 = np.finfo(np.float64).max, float(np.finfo(np.float32).max)
EACH = [
    DeepSVDD(max_epochs=3),
    AutoEncoder(max_epochs=3),
    GOAD(max_epochs=2),
    ICL(max_epochs=2),
    NeuTraL(max_epochs=2, scaling="minmax"),
    NeuTraL(max_epochs=2, scaling="standard"),
    LOE(DeepSVDD(max_epochs=3), contamination=0.1),
    LOE(AutoEncoder(max_epochs=3), contamination=0.1, n_estimators=2, max_samples=0.7),
    LOE(GOAD(max_epochs=2), contamination="auto", n_estimators=2),
]


def some_detectors(*numbers):
    """Let the fast suite run a test with those of these numbers."""
    variants = slow_but([EACH[i] for i in numbers], EACH)
    return pytest.mark.parametrize("detector", variants, ids=lambda d: str(d)[:60])


each_detector = some_detectors(*range(len(EACH)))
# One of distances, one of cosines, and LOE with members that see other rows.
few_detectors = some_detectors(0, 4, 7)


def rows(n_samples=300, n_features=4, seed=0):
    return np.random.default_rng(seed).normal(size=(n_samples, n_features))


class TestConstantFeatures:
    @pytest.mark.parametrize("value", CONSTANTS)
    @pytest.mark.parametrize("n_samples", [2, 3, 100, 5000])
    @pytest.mark.parametrize("scaling", ["standard", "minmax"])
    def test_they_become_zero_with_a_factor_of_one(self, value, n_samples, scaling):
        X = np.c_[rows(n_samples), np.full(n_samples, value)]
        kinds = [X, sparse.csr_matrix(X)]
        if 0 == value or 1e-30 < abs(value) < 1e30:
            kinds.append(X.astype(np.float32))
        for given in kinds:
            shift, factor = fit_scaling(given, scaling)
            own = given[:, [4]].toarray() if sparse.issparse(given) else given[:, [4]]
            assert ((own.astype(np.float64) - shift[4]) * factor[4] == 0).all()
            expected = 1.0 if abs(value) <= 1e5 else 1e5 / abs(value)
            np.testing.assert_allclose(factor[4], expected, rtol=1e-6)

    @pytest.mark.parametrize("scaling", ["standard", "minmax"])
    def test_constant_up_to_rounding_is_constant(self, scaling):
        """As a sum of several columns comes out, one bit here and there."""
        rng = np.random.default_rng(0)
        column = 14.62 * (1 + rng.integers(-2, 3, 300) * np.finfo(float).eps)
        assert fit_scaling(np.c_[rows(), column], scaling)[1][4] == 1.0
        column = 14.62 * (1 + rng.integers(-2, 3, 300) * 1e-11)  # small, but none of rounding
        assert fit_scaling(np.c_[rows(), column], scaling)[1][4] > 1e8

    @few_detectors
    @pytest.mark.parametrize("value", [14.62, 1.7e9])
    def test_no_row_is_flagged_for_one(self, detector, value):
        """New rows are as the training rows were, in float32 or off by a little."""
        column = np.full((300, 1), value)
        X, new = np.hstack([rows(), column]), np.hstack([rows(seed=1), column])
        detector = clone(detector).set_params(random_state=0).fit(X)
        share = np.mean(detector.predict(new) < 0)
        assert share < 0.4
        for other in (new.astype(np.float32), new + [0, 0, 0, 0, 1e-6], sparse.csr_matrix(new)):
            assert abs(np.mean(detector.predict(other) < 0) - share) <= 0.01

    def test_behind_a_scaler(self):
        X = np.hstack([rows(1000), np.full((1000, 1), 14.62)])
        loe = LOE(DeepSVDD(max_epochs=3), contamination=0.05, random_state=0)
        pipeline = make_pipeline(StandardScaler(), loe).fit(X)
        share = np.mean(pipeline.predict(X) < 0)
        for other in (X.astype(np.float32), X + [0, 0, 0, 0, 1e-6]):
            assert abs(np.mean(pipeline.predict(other) < 0) - share) <= 0.01

    @pytest.mark.parametrize("scaling", ["standard", "minmax"])
    def test_in_stacks_over_folds_as_alone(self, scaling):
        """Constant in one fold, and not in all rows."""
        X = np.hstack([rows(), np.full((300, 1), 14.62)])
        X[200:, 4] += rows(100, 1)[:, 0]
        folds = [np.arange(200), np.arange(100, 300), np.arange(150)]
        backbone = DeepSVDD(max_epochs=3, scaling=scaling, random_state=0)
        for part, stacked in zip(folds, fit_many([backbone] * 3, X, rows=folds), strict=True):
            alone = clone(backbone).fit(X[part])
            np.testing.assert_array_equal(stacked._scaling[1], alone._scaling[1])
            np.testing.assert_allclose(
                stacked.score_samples(X[:200]), alone.score_samples(X[:200]), rtol=1e-5, atol=1e-7
            )
        assert alone._scaling[1][4] == 1.0


class TestUnits:
    @pytest.mark.parametrize("unit", [1e-300, 1e-200, 1e-120, 1e120, 1e200, 1e300])
    @pytest.mark.parametrize("scaling", ["standard", "minmax", "rms"])
    @pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix])
    def test_the_unit_of_all_features_is_scaled_away(self, unit, scaling, kind):
        X = rows()
        (shift, factor), (own_shift, own_factor) = (
            fit_scaling(kind(given), scaling) for given in (X, X * unit)
        )
        expected = (X - shift) * factor
        got = (X * unit - own_shift) * own_factor
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-12)

    @pytest.mark.parametrize("unit", slow_but([1e-200, 1e18], [1e-200, 1e18, 1e200]))
    @few_detectors
    def test_the_unit_of_one_feature_does_not_matter(self, detector, unit):
        X, detector = rows(), clone(detector).set_params(random_state=0)
        power = 2.0 ** np.round(np.log2(unit))
        expected = detector.fit(X).score_samples(X)
        got = clone(detector).fit(X * [1, power, 1, 1]).score_samples(X * [1, power, 1, 1])
        np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-9)

    def test_large_integers_in_a_stack_as_alone(self):
        """Amounts in the smallest unit of a currency; the check looks at scaled rows."""
        rng = np.random.default_rng(0)
        X = np.c_[rows(), (rng.lognormal(0, 1.5, 300) * 1e19).round()]
        y = (rng.random(300) < 0.1).astype(int)
        for backbone in (DeepSVDD(max_epochs=2), NeuTraL(max_epochs=2), GOAD(max_epochs=2)):
            seeds = [clone(backbone).set_params(random_state=seed) for seed in range(3)]
            for seed, stacked in enumerate(fit_many(seeds, X, max_memory=1e9)):
                alone = seeds[seed].fit(X)
                np.testing.assert_allclose(
                    stacked.score_samples(X), alone.score_samples(X), rtol=1e-4
                )
        grid = {"contamination": [0.05, 0.1]}
        search = LOESearchCV(LOE(DeepSVDD(max_epochs=2)), grid, cv=3, error_score="raise")
        assert set(search.fit(X, y).predict(X)) == {-1, 1}

    @pytest.mark.parametrize("unit", [1e-200, 1.0, 1e200])
    def test_which_feature_dominates(self, unit):
        X = rows() * unit
        assert not one_feature_dominates(X)
        assert one_feature_dominates(X * [1, 100, 1, 1])
        constant = np.hstack([X, np.full((300, 1), 1e17 * unit)])
        assert not one_feature_dominates(constant)

    def test_rows_for_float32(self):
        X = rows() * [1.0, 1e-100, 1e100, 1.0]
        for given in (X, sparse.csr_matrix(X)):
            got = in_units(given, units_within(given, 1e-30, 1e30))
            got = got.toarray() if sparse.issparse(got) else got
            np.testing.assert_array_equal(got[:, [0, 3]], X[:, [0, 3]])
            np.testing.assert_array_equal(got.argsort(axis=0), X.argsort(axis=0))
            assert np.isfinite(got.astype(np.float32)).all()
        ordinary = rows()
        assert in_units(ordinary, units_within(ordinary, 1e-30, 1e30)) is ordinary


class TestTooLarge:
    """A value that would make its feature vanish is refused, by row and column."""

    @each_detector
    @pytest.mark.parametrize("value", [1e155, -MAX, MAX32])
    @pytest.mark.parametrize("n_bad", [1, 2, 60])
    def test_in_training_rows(self, detector, value, n_bad):
        X = rows()
        X[40 : 40 + n_bad, 2] = value
        frame = pd.DataFrame(X, columns=["length", "width", "voltage", "age"])
        for given, column in ((X, "2"), (frame, "'voltage'")):
            with pytest.raises(ValueError, match=r"magnitude \d.*e\+\d+") as caught:
                clone(detector).set_params(random_state=0).fit(given)
            [row] = re.findall(rf"in row (\d+), column {column}\.", str(caught.value))
            assert X[int(row), 2] == value

    @few_detectors
    @pytest.mark.parametrize("value", [1e155, -MAX])
    def test_in_rows_to_score(self, detector, value):
        frame = pd.DataFrame(rows(700), columns=["length", "width", "voltage", "age"])
        detector = clone(detector).fit(frame)
        frame.loc[640, "voltage"] = value
        for method in (detector.predict, detector.score_samples, detector.embed):
            with pytest.raises(ValueError, match=r"e\+\d+ in row 640, column 'voltage'"):
                method(frame)

    @pytest.mark.parametrize("value", [1e9, 1e20, -MAX32, 1e100, 1e140])
    @pytest.mark.parametrize("backbone", [DeepSVDD, AutoEncoder, GOAD])
    def test_what_can_be_computed_with_is_flagged(self, backbone, value):
        """By those that measure distances; cosines of a row do not grow with its values."""
        detector = backbone(max_epochs=3, random_state=0).fit(rows(700))
        far = rows(50, seed=1)
        far[:, 2] = value
        assert np.mean(detector.predict(far) < 0) > 0.8

    def test_in_a_member_that_sees_some_features(self):
        X = pd.DataFrame(rows(300, 6), columns=list("abcdef"))
        loe = LOE(DeepSVDD(max_epochs=1), contamination=0.1, n_estimators=4, max_features=3)
        loe.set_params(random_state=0).fit(X)
        X.loc[7, "e"] = MAX
        for call in (loe.predict, loe.fit):
            with pytest.raises(ValueError, match="in row 7, column 'e'"):
                call(X)

    def test_in_many_fits_and_outliers(self):
        X = pd.DataFrame(rows(), columns=list("abcd"))
        outliers = X.iloc[:20].copy()
        outliers.iloc[3, 1] = 1e200
        with pytest.raises(ValueError, match=r"outliers has a value.* in row 3, column 'b'"):
            DeepSVDD(max_epochs=1).fit(X, outliers=outliers)
        X.iloc[250, 3] = -MAX
        parts = [np.arange(0, 200), np.arange(100, 300)]
        good, bad = fit_many([DeepSVDD(max_epochs=1)] * 2, X, rows=parts, return_errors=True)
        assert set(good.predict(X.iloc[:200])) == {-1, 1}
        assert isinstance(bad, ValueError)
        assert "in row 250, column 'd'" in str(bad)

    def test_the_error_survives_another_process(self):
        X = rows()
        X[5, 1] = MAX
        with pytest.raises(ValueError, match="row 5") as caught:
            DeepSVDD().fit(X)
        assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)

    @pytest.mark.parametrize(
        ("backbone", "name"),
        [(NeuTraL, "temperature"), (ICL, "temperature"), (GOAD, "margin")],
    )
    def test_parameters(self, backbone, name):
        detector = backbone(**{name: 1e30}, max_epochs=1)
        for each in (detector, LOE(detector, contamination=0.1)):
            with pytest.raises(ValueError, match=rf"{name} must be .*1e\+06\]; got 1e\+30"):
                each.fit(rows())
        detector.set_params(**{name: 1e6}, random_state=0).fit(rows())
        assert np.ptp(detector.score_samples(rows())) > 0

    def test_equal_scores_of_different_rows_are_told(self):
        with pytest.warns(UserWarning, match="all 300 training rows have the same score.*differ"):
            DeepSVDD(max_epochs=1, scaling=None).fit(rows() * 1e-200)

    def test_a_threshold_that_flags_none_is_told(self):
        """A row of zeros has no direction, which cosines need."""
        detector = NeuTraL(max_epochs=2, scaling="rms", random_state=0, contamination=0.05)
        told = "no training row, though contamination=0.05 asks for 15 of 300: .* lowest score"
        X = np.repeat([[0.0, 0, 0], [1, 1, 1]], [290, 10], axis=0)
        for each in (detector, LOE(detector, contamination=0.05, random_state=0)):
            with pytest.warns(UserWarning, match=f"{type(each).__name__}: predict flags {told}"):
                each.fit(X)
            assert (each.predict(X) == 1).all()

    @pytest.mark.parametrize("share", [0.02, 0.05])
    def test_a_threshold_that_flags_some_is_not_told(self, share, recwarn):
        X = np.repeat([[0.0, 0, 0], [1, 1, 1]], [290, 10], axis=0)
        detector = DeepSVDD(max_epochs=2, contamination=share, random_state=0).fit(X)
        assert (detector.predict(X) == -1).sum() == 10
        assert not [w for w in recwarn if "flags no training row" in str(w.message)]


class TestFarFromZero:
    """Values that are close to each other and far from 0, such as times since 1970."""

    @pytest.mark.parametrize("start", [1e6, 1e9, 1.7e12])
    @pytest.mark.parametrize(
        "backbone", [AutoEncoder, DeepSVDD, DTE, GOAD, ICL, NeuTraL, RealNVP, TCCM]
    )
    def test_they_are_told_apart(self, backbone, start):
        # Multiples of 1/8, which float64 holds at all starts.
        X = np.round(rows() * 8) / 8
        detector = LOE(backbone(max_epochs=2), contamination=0.1, init="iforest", random_state=0)
        expected = clone(detector).fit(X).score_samples(X)
        scores = clone(detector).fit(X + start).score_samples(X + start)
        np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-4)

    @pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix])
    def test_auto_is_rms_only_if_float32_tells_values_apart(self, kind):
        X = np.abs(rows())
        assert resolve_scaling(kind(X), "auto") == "rms"
        assert resolve_scaling(kind(X + 100), "auto") == "rms"
        assert resolve_scaling(kind(X + 1e6), "auto") == "minmax"
        rounded = 14.62 * (1 + np.random.default_rng(0).integers(-2, 3, 300) * 2e-16)
        for column in (np.full(300, 1.7e9), rounded):
            assert resolve_scaling(kind(np.c_[X, column]), "auto") == "rms"

    def test_one_dominating_feature(self):
        """Milliseconds have nearly all of the variance, and would leave nothing of the others."""
        X = np.c_[rows(), 1.7e12 + 1e7 * np.random.default_rng(1).random(300)]
        assert one_feature_dominates(X)
        assert NeuTraL().choose_scaling(X) == "minmax"
        assert NeuTraL().choose_scaling(X - [0, 0, 0, 0, 1.7e12]) == "rms"


@pytest.fixture(scope="module")
def flags():
    """Status flags: 600 rows of which about 25 are distinct."""
    X = (np.random.default_rng(0).random((600, 5)) < [0.5, 0.3, 0.2, 0.1, 0.05]).astype(float)
    return X, *np.unique(X, axis=0, return_inverse=True)


class TestTies:
    @pytest.mark.parametrize("seed", slow_but([0], range(3)))
    @each_detector
    def test_equal_rows_get_one_label(self, detector, seed, flags):
        X, distinct, number = flags
        detector = clone(detector).set_params(random_state=seed).fit(X)
        together = detector.predict(X)
        alone = np.array([detector.predict(row[None])[0] for row in distinct])[number]
        np.testing.assert_array_equal(together, alone)
        np.testing.assert_array_equal(detector.predict(X[::-1]), together[::-1])
        if hasattr(detector, "labels_"):
            for k in range(len(distinct)):
                assert len(set(detector.labels_[number == k])) == 1

    @each_detector
    def test_nothing_is_flagged_among_equal_rows(self, detector):
        X = np.ones((100, 5))
        detector = clone(detector).set_params(random_state=0).fit(X)
        assert (detector.predict(X) == 1).all()
        assert detector.predict(X[:1]) == 1
        if hasattr(detector, "labels_"):
            assert (detector.labels_ == 1).all()

    def test_without_ties_the_threshold_is_the_percentile(self):
        scores = np.random.default_rng(0).normal(size=300)
        assert threshold(scores, 0.1) == np.percentile(scores, 10)
        scores[0] = -1e12  # one extreme score does not make the others equal
        assert threshold(scores, 0.1) == np.percentile(scores, 10)

    def test_a_threshold_at_a_row_keeps_off_it(self):
        scores = np.arange(101.0)
        cut = threshold(scores, 0.1)
        assert 9 < cut < 10 - 1e-9
        assert (scores < cut).sum() == 10

    @pytest.mark.parametrize(("n_tied", "flagged"), [(5, 10), (14, 14), (25, 0), (200, 0)])
    def test_ties_go_to_the_closer_share(self, n_tied, flagged):
        noise = np.random.default_rng(0).uniform(-1e-15, 1e-15, 200)
        scores = np.where(np.arange(200) < n_tied, 1.0, 2.0 + np.arange(200)) + noise
        assert (scores < threshold(scores, 0.05)).sum() == flagged

    @pytest.mark.parametrize("n_tied", [10, 14, 25])
    def test_the_threshold_beside_a_tie_passes_no_score_close_to_it(self, n_tied):
        # A millionth is less than the rounding of single precision, which it keeps off by.
        tied = np.ones(n_tied)
        others = np.linspace(2, 3, 194 - n_tied)
        scores = np.r_[tied[:3] - 1e-6, tied, tied[:3] + 1e-6, others]
        wanted = {10: 13, 14: 17, 25: 3}[n_tied]
        cut = threshold(scores, 11 / len(scores), in_single=False)
        assert (scores < cut).sum() == wanted

    def test_labels_of_ties(self):
        values = np.repeat([3.0, 2.0, 1.0], [2, 4, 10]) + np.linspace(-1, 1, 16) * 1e-15
        marked = np.arange(16) < 3
        assert untied(values, marked, 3.0).sum() == 2
        assert untied(values, np.arange(16) < 5, 5.0).sum() == 6
        unsplit = np.arange(16) < 6
        assert untied(values, unsplit, 6.0) is unsplit
        others = np.arange(16) > 12  # not the highest ones: a rule of another kind
        assert untied(values, others, 3.0) is others

    def test_labels_of_ties_of_the_difference_of_both_losses(self):
        difference = np.repeat([3.0, 2.0, 1.0], [2, 4, 14])
        loss_n = np.random.default_rng(0).permutation(20) / 4  # in another order
        losses = np.stack([loss_n, loss_n - difference])[:, None]
        for wanted, n_marked in ((3, 2), (5, 6)):
            labels = infer_labels(engine.RULES["hard"], losses, wanted / 20, None)
            assert labels.tolist() == [-1] * n_marked + [1] * (20 - n_marked)
