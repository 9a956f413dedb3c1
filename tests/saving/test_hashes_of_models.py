"""Equal models have equal pickles, so that joblib's caches find what they have stored."""

import copy
import pickle
import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lofe_sklearn import LOE, DeepSVDD, LOESearchCV, RealNVP
from lofe_sklearn.backbones import Backbone
from lofe_sklearn.features import ImageFeatures
from lofe_sklearn.images import PatchDetector
from lofe_sklearn.tabular import TableFeatures

LOE_OF_TWO = LOE(
    [DeepSVDD(max_epochs=2), RealNVP(max_epochs=3)],
    contamination=0.1,
    held_out_folds=2,
    random_state=0,
)


def network():
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 16, 3), torch.nn.BatchNorm2d(16), torch.nn.ReLU()
    ).eval()


def of_images(**options):
    return ImageFeatures(network(), image_size=8, device="cpu", **options)


@pytest.fixture
def rows(contaminated):
    return contaminated[0][:60, :4]


def pictures():
    return np.random.default_rng(0).random((6, 8, 8, 3))


def score(model, X):
    return model.score_samples(X) if hasattr(model, "score_samples") else model.transform(X)


def check_hashes(model, again, X):
    expected = joblib.hash(model)
    assert joblib.hash(again) == expected
    read = pickle.loads(pickle.dumps(model))
    assert joblib.hash(read) == expected
    np.testing.assert_array_equal(score(read, X), score(model, X))
    for copied in (copy.copy(model), copy.deepcopy(model)):
        np.testing.assert_array_equal(score(copied, X), score(model, X))


def test_detectors_alone(detector, rows):
    check_hashes(clone(detector).fit(rows), clone(detector).fit(rows), rows)


@pytest.mark.parametrize(
    "model",
    [LOE_OF_TWO, make_pipeline(StandardScaler(), LOE_OF_TWO)],
    ids=["LOE", "Pipeline"],
)
def test_several_networks(model, rows):
    check_hashes(clone(model).fit(rows), clone(model).fit(rows), rows)


def test_the_best_of_a_search(rows):
    found = [
        LOESearchCV(DeepSVDD(max_epochs=1, random_state=0), {"lr": [1e-3]}, cv=2)
        .fit(rows, np.arange(len(rows)) % 5 == 0)
        .best_estimator_
        for _ in range(2)
    ]
    check_hashes(*found, rows)


def test_fits_in_parts(rows):
    model, again = (
        DeepSVDD(max_epochs=2, random_state=0).partial_fit(rows).partial_fit(rows) for _ in "ab"
    )
    check_hashes(model, again, rows)
    read = pickle.loads(pickle.dumps(model))  # with the state of the optimiser
    np.testing.assert_array_equal(
        read.partial_fit(rows).score_samples(rows), model.partial_fit(rows).score_samples(rows)
    )


def test_tables():
    table = pd.DataFrame({"a": np.arange(20.0), "b": ["u", "v"] * 10})
    check_hashes(TableFeatures().fit(table), TableFeatures().fit(table), table)


@pytest.mark.filterwarnings("ignore:.*are taken to lie between 0 and 1:UserWarning")
@pytest.mark.parametrize(
    "model",
    [of_images(), PatchDetector(of_images(pooling="grid", grid_size=3), random_state=0)],
    ids=["ImageFeatures", "PatchDetector"],
)
def test_networks_of_images(model):
    assert joblib.hash(clone(model)) == joblib.hash(model)
    check_hashes(clone(model).fit(pictures()), clone(model).fit(pictures()), pictures())


def test_a_network_of_images_with_two_names_is_stored_once():
    images = of_images()
    images._extractor = images._build_extractor()
    images._extractor.network.module = images.network
    read = pickle.loads(pickle.dumps(images))
    assert read._extractor.network.module is read.network


def test_a_cache_of_fits_and_scores(rows, tmp_path):
    # The forests of scikit-learn have another hash in each file.
    detector = clone(LOE_OF_TWO).set_params(evidence=["knn", "mcd"], init="knn")
    memory, calls = joblib.Memory(tmp_path, verbose=0), []

    @memory.cache(ignore=["calls"])
    def fitted(detector, X, calls):
        calls.append("fit")
        return clone(detector).fit(X)

    @memory.cache(ignore=["calls"])
    def scored(detector, X, calls):
        calls.append("score")
        return detector.score_samples(X)

    scores = [scored(fitted(clone(detector), rows, calls), rows, calls) for _ in range(3)]
    assert calls == ["fit", "score"]
    for each in scores:
        np.testing.assert_array_equal(each, clone(detector).fit(rows).score_samples(rows))


def test_a_memory_map_of_a_file(rows, tmp_path):
    detector = clone(LOE_OF_TWO).fit(rows)
    joblib.dump(detector, tmp_path / "model.joblib")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read = joblib.load(tmp_path / "model.joblib", mmap_mode="r")
        np.testing.assert_array_equal(read.score_samples(rows), detector.score_samples(rows))


class Unusual(torch.nn.Module):
    """Tensors of all kinds: with two names, in a list, laid out otherwise, of types unknown."""

    def __init__(self, n_features):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.randn(3, n_features).T)
        self.tied = self.weight
        self.frozen = torch.nn.Parameter(torch.ones(1), requires_grad=False)
        self.listed = [self.weight]
        self.inner = torch.nn.Conv2d(2, 3, 2).to(memory_format=torch.channels_last)
        self.alias = [self.inner]
        self.register_buffer("b16", torch.ones((), dtype=torch.bfloat16))
        self.register_buffer("number", torch.tensor(7))
        self.register_buffer("expanded", torch.ones(1, 1).expand(3, 4))

    def forward(self, x):
        values = x @ self.weight
        return values.square().sum(1), values.abs().sum(1) * self.frozen


class OfUnusual(Backbone):
    def __init__(self, **shared):
        super().__init__(**shared)

    def build_module(self, n_features):
        return Unusual(n_features)


def test_a_network_keeps_its_identities_and_layouts():
    detector = OfUnusual()
    detector.module_ = Unusual(5)
    before, after = detector.module_, pickle.loads(pickle.dumps(detector)).module_
    assert after.tied is after.weight is after.listed[0]
    assert after.alias[0] is after.inner
    for name, tensor in before.state_dict().items():
        assert torch.equal(after.state_dict()[name], tensor)
        assert after.state_dict()[name].stride() == tensor.stride()
        assert after.state_dict()[name].dtype == tensor.dtype
    assert isinstance(after.weight, torch.nn.Parameter)
    assert [p.requires_grad for p in after.parameters()] == [
        p.requires_grad for p in before.parameters()
    ]


class NotCopied(Unusual):
    def __deepcopy__(self, memo):
        raise RuntimeError("never copied")


def test_a_network_that_cannot_be_copied_is_pickled_all_the_same():
    detector = OfUnusual()
    detector.module_ = NotCopied(5)
    after = pickle.loads(pickle.dumps(detector)).module_
    assert torch.equal(after.weight, detector.module_.weight)


def test_skops_says_what_stores_networks(detector, rows):
    skops = pytest.importorskip("skops.io")
    pipeline = make_pipeline(StandardScaler(), detector).fit(rows)
    with pytest.raises(TypeError, match=r"skops cannot .*by lofe_sklearn.save\(detector, path\)"):
        skops.dumps(pipeline)
