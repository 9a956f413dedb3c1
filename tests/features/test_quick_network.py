"""A network's quicker copy has its outputs, and where it has not, the network itself is taken."""

import pickle
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from lofe_sklearn.features import ImageFeatures
from lofe_sklearn.features._networks import IMAGENET, Network
from lofe_sklearn.features._quick_network import channels_last, quick_copy

BATCH = torch.randn(2, 3, 12, 12, generator=torch.Generator().manual_seed(0))


class Layers(nn.Module):
    """A convolution, its normalisation and a rectifier, put together by a function."""

    def __init__(self, together, normalise=nn.BatchNorm2d):
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, padding=1, bias=False)
        self.norm = normalise(4)
        self.act = nn.ReLU()
        self.second = nn.Conv2d(4, 4, 1)
        self.together = together

    def forward(self, x):
        return self.together(self, x)


def in_turn(net, x):
    return net.second(net.act(net.norm(net.first(x))))


def used_beside(net, x):
    y = net.first(x)
    return net.second(net.act(net.norm(y)) + y)


def normalised_twice(net, x):
    return net.norm(net.second(net.norm(net.first(x))))


def into_its_input(net, x):
    return net.second(net.act(net.norm(net.first(net.act(x)))))


def read_before_the_rectifier(net, x):
    y = net.norm(net.first(x))
    return net.second(net.act(y)) - 2 * y


def laid_out_by_channel(net, x):
    return net.second(net.act(net.norm(net.first(x)))).view(len(x), -1)


class NormAct(nn.BatchNorm2d):
    def forward(self, x):
        return super().forward(x).relu()


def network(together=in_turn, **options):
    torch.manual_seed(0)
    module = Layers(together, **options)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.uniform_(-1.0, 1.0)
            part.running_var.uniform_(0.5, 2.0)
            if part.affine:
                nn.init.uniform_(part.weight, 0.5, 2.0)
                nn.init.uniform_(part.bias, -1.0, 1.0)
    module.eval().requires_grad_(requires_grad=False)
    return Network(module, module, 12, *IMAGENET)


def outputs(network, batch):
    with torch.inference_mode():
        return [network.features(batch)]


def kinds(module):
    return [type(part) for part in module.modules()]


@pytest.mark.parametrize(
    ("together", "options", "is_folded"),
    [
        (in_turn, {}, True),
        (normalised_twice, {}, False),
        (in_turn, {"normalise": NormAct}, False),
        (in_turn, {"normalise": nn.InstanceNorm2d}, False),
        (in_turn, {"normalise": partial(nn.BatchNorm2d, affine=False)}, True),
    ],
)
def test_the_copy_has_the_outputs_of_the_network(together, options, is_folded):
    original = network(together, **options)
    before = {name: values.clone() for name, values in original.module.state_dict().items()}
    quick = quick_copy(original, BATCH[:1], outputs, ())
    assert quick is not original
    normalisation = type(original.module.norm)
    assert (normalisation not in kinds(quick.module)) == is_folded
    found = quick.features(channels_last(BATCH))
    torch.testing.assert_close(found, original.features(BATCH), rtol=1e-4, atol=1e-5)
    assert normalisation in kinds(original.module)
    assert not original.module.act.inplace
    for name, values in original.module.state_dict().items():
        torch.testing.assert_close(values, before[name], rtol=0, atol=0)
        assert values.is_contiguous()


@pytest.mark.parametrize("together", [used_beside, read_before_the_rectifier, laid_out_by_channel])
def test_a_copy_with_other_outputs_is_not_taken(together):
    original = network(together)
    assert quick_copy(original, BATCH[:1], outputs, ()) is original


def test_a_network_without_convolutions_stays_as_it_is():
    module = nn.Sequential(nn.Flatten(), nn.Linear(432, 5)).eval()
    original = Network(module, module, 12, *IMAGENET)
    assert quick_copy(original, BATCH[:1], outputs, ()) is original


@pytest.mark.parametrize("together", [in_turn, laid_out_by_channel, into_its_input])
def test_features_are_those_of_the_network(together):
    images = np.random.default_rng(0).random((5, 12, 12, 3), dtype=np.float32)
    module = network(together).module
    features = ImageFeatures(module, preprocess=lambda image: image - 0.5, batch_size=2)
    found = features.fit_transform(images)
    expected = module(torch.from_numpy(images - 0.5).permute(0, 3, 1, 2).contiguous())
    if expected.dim() == 4:
        expected = expected.mean(dim=(2, 3))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(features.transform(images), found, rtol=1e-6)


def test_weights_that_are_computed_stay_as_they_are():
    original = network()
    nn.utils.parametrizations.weight_norm(original.module.first)
    quick = quick_copy(original, BATCH[:1], outputs, ())
    assert nn.BatchNorm2d in kinds(quick.module)
    torch.testing.assert_close(quick.features(BATCH), original.features(BATCH))


@pytest.mark.parametrize("layer", ["first", "norm", "act"])
def test_layers_that_are_read_have_their_own_outputs(layer):
    images = np.random.default_rng(0).random((3, 12, 12, 3), dtype=np.float32)
    module = network().module
    features = ImageFeatures(module, layers=[layer], image_size=12, preprocess=lambda image: image)
    found = features.fit_transform(images)
    expected = module.first(torch.from_numpy(images).permute(0, 3, 1, 2))
    for name in ("norm", "act"):
        if layer in (name, "act"):
            expected = getattr(module, name)(expected)
    np.testing.assert_allclose(found, expected.mean(dim=(2, 3)), rtol=1e-4, atol=1e-5)


def test_the_copy_is_not_pickled():
    images = np.random.default_rng(0).random((3, 12, 12, 3), dtype=np.float32)
    features = ImageFeatures(network().module, image_size=12).fit(images)
    before = len(pickle.dumps(features))
    scores = features.transform(images)
    assert len(pickle.dumps(features)) == before
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(features)).transform(images), scores)
