"""Modules as users write them: trained in a stack as alone, or an error that says what to do."""

import warnings

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import nn

from lofe_sklearn import LOE, fit_many
from lofe_sklearn.backbones import MLP, Backbone, energy_losses
from lofe_sklearn.rules import ALTBI

N_FEATURES = 4
X = np.random.default_rng(0).normal(size=(60, N_FEATURES))


class Base(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(N_FEATURES, 6), nn.ReLU(), nn.Linear(6, N_FEATURES))

    def error(self, x):
        return (self.net(x) - x).square().mean(dim=1)

    def forward(self, x):
        return energy_losses(self.error(x))


class Detector(Backbone):
    def __init__(self, *, module=Base, max_epochs=3, scaling="standard", **shared):
        self.module = module
        super().__init__(max_epochs=max_epochs, scaling=scaling, **shared)

    def build_module(self, n_features):
        return self.module()


class OnePartTwice(Base):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(N_FEATURES, N_FEATURES)
        self.second = self.first

    def error(self, x):
        return (self.second(torch.tanh(self.first(x))) - x).square().mean(dim=1)


class TiedWeights(OnePartTwice):
    def __init__(self):
        super().__init__()
        self.second = nn.Linear(N_FEATURES, N_FEATURES)
        self.second.weight = self.first.weight


class OnePartTwiceInAStack(nn.Module):
    takes_stacked_parameters = True

    def __init__(self):
        super().__init__()
        self.first = MLP([N_FEATURES, N_FEATURES])
        self.second = self.first

    def forward(self, x):
        return energy_losses((self.second(torch.tanh(self.first(x))) - x).square().mean(dim=-1))


class TiedWeightsInAStack(OnePartTwiceInAStack):
    takes_stacked_parameters = True

    def __init__(self):
        super().__init__()
        self.second = MLP([N_FEATURES, N_FEATURES])
        self.second.layers[0].weight = self.first.layers[0].weight


class ExpandedParameter(Base):
    def __init__(self):
        super().__init__()
        values = torch.randn(N_FEATURES).expand(N_FEATURES, N_FEATURES)
        self.weight = nn.Parameter(values)

    def error(self, x):
        return (torch.tanh(x @ self.weight) - x).square().mean(dim=1)


class ChangesItsBuffer(Base):
    def __init__(self):
        super().__init__()
        self.register_buffer("shift", torch.zeros(N_FEATURES))

    def error(self, x):
        if self.training:
            self.shift.add_(0.01)
        return super().error(x - self.shift)


class SpectralNorm(Base):
    def __init__(self):
        super().__init__()
        nn.utils.parametrizations.spectral_norm(self.net[0])


class DrawnAttribute(Base):
    """What differs between the models is no tensor of the stack."""

    def __init__(self):
        super().__init__()
        self.projection = torch.randn(N_FEATURES, N_FEATURES)

    def error(self, x):
        return super().error(x @ self.projection.to(x))


class DrawnNumber(Base):
    def __init__(self):
        super().__init__()
        self.shift = 5 * torch.rand(()).item()

    def error(self, x):
        return super().error(x + self.shift)


class CenterOfPrepare(Base):
    """There is no center before `prepare`."""

    def __init__(self):
        super().__init__()
        self.register_buffer("center", None)

    def prepare(self, x):
        self.center = x[torch.randperm(len(x))[:5]].mean(dim=0)

    def error(self, x):
        return super().error(x - self.center)


class Recurrent(Base):
    """Its dropout is a number, not a layer."""

    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(1, 3, num_layers=2, dropout=0.3, batch_first=True)
        self.last = nn.Linear(3, N_FEATURES)

    def error(self, x):
        return (self.last(self.rnn(x.unsqueeze(2))[0][:, -1]) - x).square().mean(dim=1)


class RandomSlopes(Base):
    def __init__(self):
        super().__init__()
        self.net[1] = nn.RReLU()


class Autocast(Base):
    def error(self, x):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return self.net(x).square().mean(dim=1)


RIGHT = [
    OnePartTwice,
    TiedWeights,
    OnePartTwiceInAStack,
    TiedWeightsInAStack,
    ExpandedParameter,
    ChangesItsBuffer,
    SpectralNorm,
    DrawnAttribute,
    DrawnNumber,
    CenterOfPrepare,
    Recurrent,
    RandomSlopes,
    Autocast,
]


@pytest.mark.parametrize("module", RIGHT)
@pytest.mark.filterwarnings("ignore:.*cannot be vmapped:UserWarning")
def test_members_are_what_they_are_alone_and_the_random_state_stays(module):
    before = torch.get_rng_state()
    options = {"contamination": 0.1, "evidence": None, "init": None}
    together = LOE(Detector(module=module), n_estimators=3, random_state=0, **options).fit(X)
    for member in together.estimators_:
        alone = LOE(member, **options).fit(X).score_samples(X)
        np.testing.assert_allclose(member.score_samples(X), alone, rtol=1e-3, atol=1e-3)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.filterwarnings("ignore:.*cannot be vmapped:UserWarning")
def test_a_model_that_stops_before_others_has_the_buffers_of_its_last_epoch():
    n_epochs = 2, 12  # of one step each
    detectors = [
        Detector(module=ChangesItsBuffer, max_epochs=n, random_state=i)
        for i, n in enumerate(n_epochs)
    ]
    for detector, n in zip(fit_many(detectors, X), n_epochs, strict=True):
        torch.testing.assert_close(detector.module_.shift, torch.full((N_FEATURES,), 0.01 * n))
        alone = detector.score_samples(X)
        np.testing.assert_allclose(clone(detector).fit(X).score_samples(X), alone, rtol=1e-4)


@pytest.mark.parametrize("n_estimators", [1, 2])
def test_states_that_are_averaged_have_the_buffers_of_their_epochs(n_estimators):
    detector = LOE(
        Detector(module=ChangesItsBuffer, max_epochs=4),
        method=ALTBI(averaged_share=0.5, batch_growth=1),
        contamination=0.1,
        n_estimators=n_estimators,
        random_state=0,
        evidence=None,
        label_update="batch",
    ).fit(X)
    for member in detector.estimators_:
        third, fourth = (state.shift for state in member.module_.states)
        torch.testing.assert_close(third, torch.full((N_FEATURES,), 0.03))
        torch.testing.assert_close(fourth, torch.full((N_FEATURES,), 0.04))


@pytest.mark.parametrize("module", [DrawnAttribute, DrawnNumber])
def test_a_value_that_differs_between_the_models_is_named(module):
    with pytest.warns(UserWarning, match=r"differs between them.*register_buffer"):
        LOE(Detector(module=module), contamination=0.1, n_estimators=2, random_state=0).fit(X)


def test_a_list_of_the_parameters_does_not_differ():
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        module = type("OneLayer", (Recurrent,), {"__init__": _one_layer})
        LOE(Detector(module=module), contamination=0.1, n_estimators=2, random_state=0).fit(X)
    assert not any("differs" in str(each.message) for each in found)


def _one_layer(self):
    Base.__init__(self)
    self.rnn = nn.GRU(1, 3, batch_first=True)
    self.last = nn.Linear(3, N_FEATURES)


class HoldsANetwork(Backbone):
    """Each of its modules has the network that the user passes."""

    def __init__(self, *, net=None, max_epochs=3, **shared):
        self.net = net
        super().__init__(max_epochs=max_epochs, **shared)

    def build_module(self, n_features):
        module = Base()
        module.net = self.net
        return module


def test_members_do_not_share_a_network_that_is_a_parameter():
    net = Base().net
    before = net[0].weight.detach().clone()
    options = {"contamination": 0.1, "evidence": None, "init": None}
    detector = HoldsANetwork(net=net, batch_size=16)
    together = LOE(detector, n_estimators=2, random_state=0, **options).fit(X)
    assert torch.equal(net[0].weight, before)
    first, second = (member.score_samples(X) for member in together.estimators_)
    assert not np.allclose(first, second, rtol=1e-6)
    alone = LOE(together.estimators_[0], **options).fit(X).score_samples(X)
    np.testing.assert_allclose(first, alone, rtol=1e-3, atol=1e-3)


def test_a_fit_does_not_change_an_earlier_detector_of_the_same_network():
    class Cached(Detector):
        def build_module(self, n_features):
            return network

    network = Base()
    earlier = Cached(random_state=0).fit(X)
    scores = earlier.score_samples(X)
    Cached(random_state=0).fit(X + 1)
    np.testing.assert_array_equal(earlier.score_samples(X), scores)


class Squeezes(Base):
    def error(self, x):
        return (self.net(x) - x).squeeze().square().mean(dim=-1)


class OtherwiseInEvaluation(Base):
    def forward(self, x):
        return super().forward(x) if self.training else self.error(x)


class Lazy(Base):
    def __init__(self):
        super().__init__()
        self.net[0] = nn.LazyLinear(6)


class Complex(Base):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(N_FEATURES, dtype=torch.cfloat))


class NamedPrecision(Base):
    scoring_dtype = "float32"


@pytest.mark.parametrize(
    ("module", "match"),
    [
        (OtherwiseInEvaluation, r"forward\(x\) must return a tuple .*for 60 rows"),
        (Lazy, "net.0.weight of a lazy layer has no shape yet. Give the layer"),
        (Complex, "weight is complex; parameters must be real"),
        (NamedPrecision, "scoring_dtype must be torch.float64 or torch.float32; got 'float32'"),
    ],
)
@pytest.mark.parametrize("n_models", [1, 2])
def test_an_error_says_what_a_module_has_to_change(module, match, n_models):
    detector = LOE(Detector(module=module), contamination=0.1, n_estimators=n_models)
    with pytest.raises(TypeError, match=rf"{module.__name__}.*{match}"):
        detector.fit(X)


@pytest.mark.parametrize("n_models", [1, 2])
def test_a_single_row_is_scored_by_the_contract_too(n_models):
    detector = LOE(Detector(module=Squeezes), contamination=0.1, n_estimators=n_models).fit(X)
    with pytest.raises(TypeError, match=r"Squeezes.forward\(x\) must return a tuple"):
        detector.score_samples(X[:1])


class Embeds(Base):
    def embed(self, x):
        return EMBEDDINGS[self.kind](x)


EMBEDDINGS = {
    "one value": lambda x: x[:, 0],
    "bfloat16": lambda x: x.bfloat16(),
    "number": lambda x: 1.0,
    "mean": lambda x: x.mean(dim=0),
}


@pytest.mark.parametrize(("kind", "width"), [("one value", 1), ("bfloat16", N_FEATURES)])
def test_embeddings_of_any_shape_and_precision(kind, width):
    module = type("Embeds", (Embeds,), {"kind": kind})
    assert Detector(module=module).fit(X).embed(X).shape == (60, width)


@pytest.mark.parametrize(("kind", "got"), [("number", "float"), ("mean", r"shape \(4,\)")])
def test_an_embedding_without_an_entry_for_each_row(kind, got):
    module = type("Embeds", (Embeds,), {"kind": kind})
    with pytest.raises(TypeError, match=rf"Embeds.embed\(x\) must return .* returned {got}"):
        Detector(module=module).fit(X).embed(X)
