import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError

from lofe_sklearn import LOE, AutoEncoder, DeepSVDD
from lofe_sklearn.backbones import Backbone, energy_losses


def test_a_rows_embedding_is_its_own(detector, contaminated):
    X, _ = contaminated
    embedding = detector.fit(X).embed(X)
    assert embedding.dtype == np.float64
    assert embedding.shape[0] == 200
    assert np.isfinite(embedding).all()
    np.testing.assert_allclose(detector.embed(X[3:10]), embedding[3:10], rtol=1e-6, atol=1e-6)
    # The network tells rows apart by it.
    assert len(np.unique(embedding.round(6), axis=0)) > 150


def test_deep_svdd_measures_distances_in_it(contaminated):
    X, _ = contaminated
    detector = DeepSVDD(hidden_sizes=[8, 3], max_epochs=3, random_state=0).fit(X)
    embedding = detector.embed(X)
    assert embedding.shape == (200, 3)
    square = ((embedding - detector.module_.center.numpy()) ** 2).sum(axis=1)
    np.testing.assert_allclose(-detector.score_samples(X), np.sqrt(square + 1) - 1, rtol=1e-6)


@pytest.mark.parametrize("sizes", [[3], [8, 3], [16, 8, 3]])
def test_that_of_the_autoencoder_is_the_bottleneck(contaminated, sizes):
    X, _ = contaminated
    detector = AutoEncoder(hidden_sizes=sizes, max_epochs=2, random_state=0).fit(X)
    embedding = detector.embed(X)
    assert embedding.shape == (200, 3)
    decoded = detector.module_.double().decoder(torch.from_numpy(embedding))
    assert decoded.shape == (200, 5)


def test_members_stand_side_by_side(contaminated):
    X, _ = contaminated
    backbone = DeepSVDD(hidden_sizes=[8, 4], max_epochs=2)
    loe = LOE(backbone, contamination=0.1, n_estimators=3, max_features=0.6, random_state=0)
    embedding = loe.fit(X).embed(X)
    assert embedding.shape == (200, 12)
    second, features = loe.estimators_[1], loe.estimators_features_[1]
    np.testing.assert_array_equal(embedding[:, 4:8], second.embed(X[:, features]))


class Distance(torch.nn.Module):
    def __init__(self, n_features):
        super().__init__()
        self.center = torch.nn.Parameter(torch.zeros(n_features))

    def forward(self, x):
        return energy_losses((x - self.center).square().mean(dim=-1))


class DistanceToMean(Backbone):
    def build_module(self, n_features):
        return Distance(n_features)


def test_a_module_without_one_sees_scaled_rows(contaminated):
    X, _ = contaminated
    detector = DistanceToMean(scaling="standard", max_epochs=2).fit(X)
    expected = (X - X.mean(axis=0)) / X.std(axis=0)
    np.testing.assert_allclose(detector.embed(X), expected, rtol=1e-6, atol=1e-6)


def test_errors(contaminated):
    X, _ = contaminated
    with pytest.raises(NotFittedError):
        DeepSVDD().embed(X)
    with pytest.raises(ValueError, match="X has 3 features, but DeepSVDD is expecting 5"):
        DeepSVDD(max_epochs=1).fit(X).embed(X[:, :3])
