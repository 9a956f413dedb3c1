"""What callbacks and other threads see while an estimator is fitted: the fit before, or none."""

import threading

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.exceptions import NotFittedError

from lofe_sklearn import LOE, AutoEncoder, LOESearchCV, TrainingDivergedError
from lofe_sklearn.features import TemporalSmoothing

RNG = np.random.default_rng(0)
X, OTHER, NEW = (RNG.normal(size=shape) for shape in ((60, 4), (50, 6), (5, 4)))
Y = np.arange(60) % 12 == 0


class Looking(AutoEncoder):
    """It looks at something whenever a network is built: in the middle of a fit."""

    look = staticmethod(lambda: None)

    def build_module(self, n_features):
        Looking.look()
        return super().build_module(n_features)


def loe(**parameters):
    backbone = Looking(max_epochs=1)
    return LOE(backbone, contamination=0.1, init=None, random_state=0, **parameters)


def fit_resample(detector, X):
    detector.fit_resample(X)


def fit(detector, X):
    detector.fit(X)


def fit_search(search, X):
    search.fit(X, Y[: len(X)])


FITS = {
    "backbone": (lambda: Looking(max_epochs=1, random_state=0), fit),
    "LOE": (loe, fit),
    "fit_resample": (loe, fit_resample),
    "smoothing": (lambda: TemporalSmoothing(loe()), fit),
    "search": (lambda: LOESearchCV(loe(), {"method": ["hard", "soft"]}, cv=2), fit_search),
}


def looked(do, see):
    """What is seen in the middle of a call."""
    seen = []
    Looking.look = staticmethod(lambda: seen.append(see()))
    try:
        do()
    finally:
        Looking.look = staticmethod(lambda: None)
    assert seen
    return seen


@pytest.fixture(params=FITS)
def case(request):
    return FITS[request.param]


def error_of(call):
    try:
        call()
    except Exception as error:  # noqa: BLE001
        return type(error)
    return None


def test_a_first_fit_is_no_fit_yet(case):
    make, fitted_to = case
    estimator = make()
    before = set(vars(estimator))

    def see():
        return error_of(lambda: estimator.predict(NEW)), set(vars(estimator)) - before

    assert set(map(str, looked(lambda: fitted_to(estimator, X), see))) == {
        str((NotFittedError, set()))
    }
    estimator.predict(NEW)


def test_a_first_partial_fit_is_no_fit_yet():
    for detector in (Looking(max_epochs=1), loe()):
        errors = looked(
            lambda detector=detector: detector.partial_fit(X),
            lambda detector=detector: error_of(lambda: detector.score_samples(NEW)),
        )
        assert set(errors) == {NotFittedError}


def test_a_second_fit_leaves_the_first_until_it_ends(case):
    make, fitted_to = case
    estimator = make()
    fitted_to(estimator, X)
    expected, attributes = estimator.decision_function(NEW), dict(vars(estimator))

    def see():
        now = vars(estimator)
        same = now.keys() == attributes.keys()
        same = same and all(now[name] is value for name, value in attributes.items())
        return same and np.array_equal(estimator.decision_function(NEW), expected)

    assert all(looked(lambda: fitted_to(estimator, OTHER), see))
    assert estimator.n_features_in_ == 6


def test_columns_in_another_order_are_not_mistaken_for_those_of_the_network():
    table = pd.DataFrame(X, columns=list("abcd"))
    detector = loe().fit(table)
    expected = detector.score_samples(table)
    turned = table[list("dcba")]
    # With the names of the second fit, the first network would score these silently.
    error = looked(lambda: detector.fit(turned), lambda: error_of(lambda: detector.predict(turned)))
    assert set(error) == {ValueError}
    same = looked(lambda: detector.fit(table), lambda: error_of(lambda: detector.predict(turned)))
    assert same == [None] * len(same)
    np.testing.assert_array_equal(detector.score_samples(table), expected)


def test_parameters_that_are_set_meanwhile_are_those_of_the_next_fit():
    detector = loe()
    looked(
        lambda: detector.fit(X),
        lambda: detector.set_params(contamination=0.3, estimator__max_epochs=7),
    )
    assert (detector.contamination_, detector.contamination) == (0.1, 0.3)
    assert (detector.predict(X) == -1).sum() == 6
    assert (detector.fit(X).predict(X) == -1).sum() == 18


def test_attributes_of_a_fit_that_another_one_overtakes_are_gone():
    table = pd.DataFrame(X, columns=list("abcd"))
    detector, started = loe(), []

    def overtake():
        if not started:
            started.append(True)
            detector.partial_fit(table)
            detector.mine = "a name"

    # As two threads would: the second one begins later, and ends before.
    looked(lambda: detector.fit(OTHER), overtake)
    expected = loe().fit(OTHER)
    assert vars(detector).keys() == vars(expected).keys() | {"mine"}
    np.testing.assert_array_equal(detector.score_samples(OTHER), expected.score_samples(OTHER))


def test_a_network_may_be_built_from_another_fit():
    # It waited for itself without end, so that the test is another thread.
    detector, ended = Looking(max_epochs=1, random_state=0), []

    def fit_both():
        looked(lambda: detector.fit(X), lambda: AutoEncoder(max_epochs=1, random_state=3).fit(X))
        ended.append(True)

    thread = threading.Thread(target=fit_both, daemon=True)
    thread.start()
    thread.join(60)
    assert ended
    expected = AutoEncoder(max_epochs=1, random_state=0).fit(X).score_samples(X)
    np.testing.assert_array_equal(detector.score_samples(X), expected)


def test_pyod_detector():
    pytest.importorskip("pyod")
    from lofe_sklearn.adapters.pyod import PyODDetector

    detector = PyODDetector(loe())
    assert set(
        looked(lambda: detector.fit(X), lambda: error_of(lambda: detector.predict(NEW)))
    ) == {NotFittedError}
    expected = detector.decision_function(NEW)
    state = detector.threshold_, detector.n_features_in_
    for seen in looked(
        lambda: detector.fit(OTHER),
        lambda: (detector.decision_function(NEW), detector.threshold_, detector.n_features_in_),
    ):
        np.testing.assert_array_equal(seen[0], expected)
        assert seen[1:] == state


def diverging(detector):
    name = "estimator__lr" if isinstance(detector, LOE) else "lr"
    detector.set_params(**{name: 1e38})
    return detector


@pytest.mark.parametrize("make", [loe, lambda: AutoEncoder(max_epochs=2, random_state=0)])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_divergence_keeps_the_requests_of_metadata_routing(make, method):
    with sklearn.config_context(enable_metadata_routing=True):
        detector = make().set_fit_request(known_labels=True, outliers="others").fit(X)
        asked = str(detector.get_metadata_routing())
        with pytest.raises(TrainingDivergedError):
            getattr(diverging(detector), method)(X)
        assert str(detector.get_metadata_routing()) == asked
        with pytest.raises(NotFittedError):
            detector.predict(X)
        assert set(vars(detector)) - {"_metadata_request"} == set(vars(make()))
