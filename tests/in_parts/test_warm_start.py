"""warm_start: a second fit goes on, or adds members."""

import warnings

import numpy as np
import pytest
from sklearn import clone, config_context
from stored_rows import Counted

from lofe_sklearn import ICL, LOE, AutoEncoder, DeepSVDD, MHRot
from lofe_sklearn.rules import ODIM


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 4))
    X[::20] += 3
    return X


def test_a_backbone_goes_on(X):
    short = AutoEncoder(max_epochs=5, random_state=0, warm_start=True)
    losses = [short.fit(X).loss_history_[-1] for _ in range(3)]
    assert losses[0] > losses[1] > losses[2]
    anew = clone(short).set_params(warm_start=False)
    assert anew.fit(X).loss_history_[-1] == anew.fit(X).loss_history_[-1] == losses[0]


def test_the_scaling_stays(X):
    detector = DeepSVDD(scaling="standard", max_epochs=2, warm_start=True, random_state=0).fit(X)
    before = detector._scaling
    detector.fit(10 * X)
    np.testing.assert_array_equal(detector._scaling, before)
    with pytest.raises(ValueError, match="X has 2 features, but DeepSVDD is expecting 4"):
        detector.fit(X[:, :2])


@pytest.mark.parametrize("options", [{"contamination": 0.05}, {"max_features": 3}])
def test_all_members_go_on_where_there_are_as_many(options, X):
    loe = LOE(DeepSVDD(max_epochs=4), n_estimators=3, warm_start=True, random_state=0, **options)
    first = [member.module_ for member in loe.fit(X).estimators_]
    weights = [next(module.parameters()).detach().clone() for module in first]
    features = loe.estimators_features_
    loe.fit(X)
    for i, member in enumerate(loe.estimators_):
        now = next(member.module_.parameters())
        assert not now.equal(weights[i])
        assert next(first[i].parameters()).equal(weights[i])  # a copy goes on
        np.testing.assert_array_equal(loe.estimators_features_[i], features[i])
    assert len(loe.labels_) == len(X)


ICL_OF_SOME_WINDOWS = ICL(max_epochs=2, windows_per_step=4, n_permutations=1, window_size=2)
MHROT_OF_SOME_VIEWS = MHRot(depth=10, width=1, n_views=2, max_epochs=2)


@pytest.mark.parametrize("backbone", [ICL_OF_SOME_WINDOWS, MHROT_OF_SOME_VIEWS])
@pytest.mark.parametrize("by_parts", [False, True])
def test_members_go_on_with_the_windows_and_views_that_come_next(backbone, by_parts):
    rows = np.random.default_rng(0).normal(size=(20, 16))

    def twice(detector):
        for _ in range(2):
            detector = detector.partial_fit(rows) if by_parts else detector.fit(rows)
        return detector

    options = {"contamination": 0.1, "evidence": None, "init": None, "warm_start": True}
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # they are still called as one
        together = twice(LOE(backbone, n_estimators=2, random_state=0, **options))
        for member in together.estimators_:
            alone = twice(LOE(clone(member), **options))
            np.testing.assert_allclose(
                member.score_samples(rows), alone.estimator_.score_samples(rows), rtol=1e-3
            )


def test_members_are_added_as_to_a_forest(X):
    loe = LOE(DeepSVDD(max_epochs=4), n_estimators=2, warm_start=True, random_state=0).fit(X)
    two = [member.score_samples(X) for member in loe.estimators_]
    loe.set_params(n_estimators=5).fit(X)
    assert len(loe.estimators_) == len(loe.contaminations_) == 5
    for before, member in zip(two, loe.estimators_, strict=False):
        np.testing.assert_array_equal(member.score_samples(X), before)
    assert len(np.unique(loe.contaminations_[2:])) == 3  # spread as those of an ensemble
    assert np.isfinite(loe.score_samples(X)).all()
    with pytest.raises(ValueError, match="n_estimators=2 must be at least the 5 members"):
        loe.set_params(n_estimators=2).fit(X)
    assert len(loe.estimators_) == 5


@pytest.mark.parametrize("random_state", [None, np.random.RandomState(0)])
def test_members_that_stay_keep_their_rows_and_seeds_whatever_seeds_the_fit(random_state, X):
    loe = LOE(DeepSVDD(max_epochs=1), n_estimators=2, max_samples=0.5, contamination=0.05)
    loe.set_params(warm_start=True, random_state=random_state, evidence=None).fit(X)
    rows, seeds = loe.estimators_samples_, [member.random_state for member in loe.estimators_]
    loe.set_params(n_estimators=3, max_samples=0.25).fit(X, known_anomalies=np.arange(len(X)) < 3)
    assert [len(own) for own in loe.estimators_samples_] == [len(X) // 2] * 2 + [len(X) // 4]
    for before, now in zip(rows, loe.estimators_samples_, strict=False):
        np.testing.assert_array_equal(now, before)
    assert [member.random_state for member in loe.estimators_[:2]] == seeds
    loe.set_params(n_estimators=4).fit(X[:-8])  # of other rows they cannot be told
    assert all(own.max() < len(X) - 8 for own in loe.estimators_samples_)


def test_members_of_several_scalings_are_scored_each_by_its_own(X):
    loe = LOE(DeepSVDD(scaling="standard", max_epochs=3), n_estimators=2, contamination=0.05)
    loe.set_params(evidence=None, warm_start=True, random_state=0).fit(X)
    loe.set_params(n_estimators=4).fit(5 * X)
    losses = np.stack([-member.score_samples(X) for member in loe.estimators_])
    np.testing.assert_allclose(loe.score_samples(X), loe._ensemble.scale.combine(losses), rtol=1e-6)


def test_what_cannot_go_on_is_refused(X):
    loe = LOE(DeepSVDD(max_epochs=3), contamination=0.05, warm_start=True, random_state=0).fit(X)
    scores = loe.score_samples(X)
    with pytest.raises(ValueError, match="hidden_sizes is .*Set it back, or fit anew"):
        loe.set_params(estimator__hidden_sizes=[3]).fit(X)
    with pytest.raises(ValueError, match="that of DeepSVDD, and estimator is AutoEncoder now"):
        loe.set_params(estimator=AutoEncoder()).fit(X)
    # The remedy is that of the call.
    for changed in ({"estimator": AutoEncoder()}, {"estimator__hidden_sizes": [3]}):
        again = clone(loe).set_params(estimator=DeepSVDD(max_epochs=3)).partial_fit(X)
        with pytest.raises(ValueError, match=r"fit anew, with .*clone\(detector\).partial_fit"):
            again.set_params(**changed).partial_fit(X)
    np.testing.assert_array_equal(loe.score_samples(X), scores)
    averaged = LOE(DeepSVDD(max_epochs=3), method=ODIM(), warm_start=True, random_state=0)
    averaged.fit(X)
    # What it goes on from is one state, or it is refused.
    if type(averaged.estimator_.module_).__name__ == "AveragedModule":
        with pytest.raises(ValueError, match="averaged states"):
            averaged.fit(X)
    with pytest.raises(ValueError, match="warm_start must be one of False, True"):
        DeepSVDD(warm_start="yes").fit(X)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("is_loe", [False, True])
def test_no_scaling_is_not_a_scaling_that_is_left_open(X, method, is_loe):
    backbone = DeepSVDD(scaling="minmax", max_epochs=2, warm_start=True, random_state=0)
    detector = LOE(backbone, contamination=0.05, warm_start=True) if is_loe else backbone
    goes_on, prefix = getattr(detector, method), "estimator__" if is_loe else ""
    goes_on(X)
    detector.set_params(**{f"{prefix}scaling": None})
    with pytest.raises(ValueError, match="scaling is None now, but the network was fitted with 'm"):
        goes_on(X)
    detector.set_params(**{f"{prefix}scaling": "auto"})
    assert (goes_on(X).estimator_ if is_loe else goes_on(X)).scaling_ == "minmax"


def test_other_rates_and_batches_may_be_chosen(X):
    detector = DeepSVDD(max_epochs=3, warm_start=True, random_state=0).fit(X)
    detector.set_params(lr=1e-2, batch_size=32, max_epochs=1, contamination=0.2).fit(X)
    assert detector.n_iter_ == 1
    assert np.mean(detector.predict(X) < 0) == pytest.approx(0.2, abs=0.01)


def test_a_fit_from_a_source_goes_on(X):
    rows = Counted(np.tile(X, (8, 1)))
    with config_context(working_memory=1):
        detector = AutoEncoder(max_epochs=2, warm_start=True, random_state=0)
        losses = [detector.fit(rows).loss_history_[-1] for _ in range(2)]
    assert losses[1] < losses[0]
