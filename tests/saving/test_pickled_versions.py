"""Pickles carry the version of this package, and one of another version warns."""

import copy
import pickle
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import InconsistentVersionWarning

import lofe_sklearn
from lofe_sklearn import LOE, DeepSVDD, LOESearchCV, _versions


@pytest.mark.filterwarnings("ignore:The pickle of")
def test_a_pickle_of_another_version_warns(detector, contaminated, monkeypatch):
    X = contaminated[0][:, :4]
    detector.fit(X)
    pickled = pickle.dumps(detector)
    monkeypatch.setattr(_versions, "current_version", lambda: "9.0")
    name = type(detector).__name__
    said = f"The pickle of {name} was made with lofe_sklearn {lofe_sklearn.__version__} and is"
    with pytest.warns(InconsistentVersionWarning, match=said) as caught:
        loaded = pickle.loads(pickled)
    assert {w.filename for w in caught} == {__file__}
    assert not [name for name in vars(loaded) if "version" in name]
    np.testing.assert_array_equal(loaded.score_samples(X), detector.score_samples(X))


def test_one_of_this_version_does_not(detector, contaminated):
    detector.fit(contaminated[0][:, :4])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for one in (pickle.loads(pickle.dumps(detector)), copy.deepcopy(detector), clone(detector)):
            assert not [name for name in vars(one) if "version" in name]


def test_one_from_before_versions_were_kept():
    detector = LOE()
    with pytest.warns(InconsistentVersionWarning, match="with lofe_sklearn an unknown version"):
        LOE().__setstate__(vars(detector))


@pytest.mark.parametrize(
    "make",
    [
        lambda: LOESearchCV(DeepSVDD(), {}),
        lambda: lofe_sklearn.features.ImageFeatures(),
        lambda: lofe_sklearn.features.VideoFeatures(),
        lambda: lofe_sklearn.features.TemporalSmoothing(LOE()),
    ],
    ids=["LOESearchCV", "ImageFeatures", "VideoFeatures", "TemporalSmoothing"],
)
def test_every_estimator_carries_it(make):
    assert make().__getstate__()["_lofe_sklearn_version"] == lofe_sklearn.__version__
