"""check_backbone finds what breaks the contract of a backbone, and says how to mend it."""

import warnings
from numbers import Integral

import numpy as np
import pytest
import torch
from conftest import in_units_of_normal_rows
from torch import nn

from benchmarks.studies.flow import Flow
from lofe_sklearn import LOE
from lofe_sklearn.backbones import Backbone, Number, energy_losses
from lofe_sklearn.testing import check_backbone
from lofe_sklearn.testing._module_checks import MODULE_CHECKS


class Module(nn.Module):
    """A sound module: the distance from a learned point."""

    def __init__(self, n_features):
        super().__init__()
        self.layer = nn.Linear(n_features, 4)

    def forward(self, x):
        return energy_losses(self.distance(x))

    def distance(self, x):
        return self.layer(x).square().mean(dim=1)


class Sound(Backbone):
    module = Module
    own_constraints = {"width": Number(Integral, low=1)}

    def __init__(self, *, width=4, scaling="standard", max_epochs=20, lr=1e-2, **shared):
        self.width = width
        super().__init__(scaling=scaling, max_epochs=max_epochs, lr=lr, **shared)

    def build_module(self, n_features):
        return self.module(n_features)


def backbone(module_class):
    return type("Mine", (Sound,), {"module": module_class})()


def test_a_sound_backbone_passes_with_scikit_learns_checks_too():
    assert check_backbone(Sound())[-1] == "scikit-learn's check_estimator"


class OneLoss(Module):
    def forward(self, x):
        return self.distance(x)


class MeanLosses(Module):
    def forward(self, x):
        return tuple(loss.mean() for loss in super().forward(x))


class NoTensors(Module):
    def forward(self, x):
        return 1.0, 2.0


@pytest.mark.parametrize(
    ("module_class", "got"),
    [
        (OneLoss, r"returned a Tensor of shape \(1,\)"),
        (MeanLosses, r"returned \[\(\), \(\)\]"),
        (NoTensors, r"returned \['float', 'float'\]"),
    ],
)
@pytest.mark.parametrize("use", [check_backbone, lambda mine: mine.fit(torch.randn(9, 3).numpy())])
def test_the_module_must_return_two_losses(module_class, got, use):
    message = rf"{module_class.__name__}.forward\(x\) must return a tuple \(loss_n, loss_a\).*"
    with pytest.raises(TypeError, match=message if use is not check_backbone else message + got):
        use(backbone(module_class))


class Overflows(Module):
    def forward(self, x):
        distance = self.distance(x)
        return torch.exp(distance), distance


class WithBatchNorm(Module):
    def __init__(self, n_features):
        super().__init__(n_features)
        self.norm = nn.BatchNorm1d(n_features)

    def distance(self, x):
        return super().distance(self.norm(x))


class CentredInTraining(Module):
    def distance(self, x):
        return super().distance(x - x.mean(dim=0) if self.training else x)


class ComplexLosses(Module):
    def forward(self, x):
        return tuple(torch.complex(loss, loss) for loss in super().forward(x))


class BatchNormalised(Module):
    def distance(self, x):
        return super().distance(x) + (x - x.mean(dim=0)).square().mean(dim=1)


class Detached(Module):
    def forward(self, x):
        loss_n, loss_a = super().forward(x)
        return loss_n, loss_a.detach()


class DetachedBesideNothing(Module):
    """Its anomaly loss has a gradient, which is 0 for every row."""

    def forward(self, x):
        loss_n, loss_a = super().forward(x)
        return loss_n, loss_a.detach() + 0.0 * loss_n


class CentredByARunningMean(Module):
    def __init__(self, n_features):
        super().__init__(n_features)
        self.register_buffer("mean", torch.zeros(n_features))

    def distance(self, x):
        if self.training:
            with torch.no_grad():
                self.mean.mul_(0.9).add_(0.1 * x.mean(dim=0))
        return super().distance(x - self.mean)


class CentredByEarlierRows(CentredByARunningMean):
    def distance(self, x):
        distance = Module.distance(self, x - self.mean)
        if self.training:
            self.mean = 0.9 * self.mean + 0.1 * x.detach().mean(dim=0)
        return distance


class CentredInLargeBatches(Module):
    def distance(self, x):
        return super().distance(x - x[0] if len(x) > 100 else x)


class Unused(Module):
    def __init__(self, n_features):
        super().__init__(n_features)
        self.spare = nn.Linear(2, 2)


class NoGradientAtZero(Module):
    def distance(self, x):
        return super().distance(x) + (0.0 * self.layer(x).square().sum(dim=1)).sqrt()


class Noisy(Module):
    def distance(self, x):
        return (
            super().distance(x) * (1 + 0.1 * torch.rand(len(x)).to(x))
            if self.training
            else (super().distance(x))
        )


class NotVmappable(Module):
    def distance(self, x):
        return super().distance(x) if x.sum().item() < 1e30 else x.sum(dim=1)


class AnomalyLossIsNormal(Module):
    def forward(self, x):
        loss_n, _ = super().forward(x)
        return loss_n, 2 * loss_n


class UnknownScale(Module):
    score_scale = "logarithm"


class NegativeAfterTraining(Module):
    def forward(self, x):
        loss_n, loss_a = super().forward(x)
        return loss_n - 0.1, loss_a


@pytest.mark.parametrize(
    ("module_class", "message"),
    [
        (Overflows, "loss_n must be finite for every row"),
        (BatchNormalised, "must not depend on the other rows"),
        (WithBatchNorm, "must not depend on the other rows.*BatchNorm1d normalises over rows"),
        (CentredInTraining, "must not depend on the other rows of its batch, in training too"),
        (Detached, "loss_a has no gradient"),
        (DetachedBesideNothing, "the gradient of loss_a is 0 for every row and parameter"),
        (CentredByARunningMean, "in training too; forward changes the buffer mean by the rows"),
        (CentredByEarlierRows, "in training too; forward changes the buffer mean by the rows"),
        (CentredInLargeBatches, "must not depend on the other rows of its batch; they differ"),
        (Unused, "neither loss has a gradient with respect to spare.bias, spare.weight"),
        (NoGradientAtZero, "gradient of loss_n with respect to layer.* is not finite"),
        (UnknownScale, 'score_scale must be "log", .* or "linear".*; got \'logarithm\''),
        (NegativeAfterTraining, 'must not be negative.*Set score_scale = "linear" in Negative'),
        (Noisy, "changed torch's own state"),
        (NotVmappable, "NotVmappable cannot be vmapped"),
        (AnomalyLossIsNormal, "training rows as anomalies must raise their normal loss"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_is_wrong_is_named(module_class, message):
    with pytest.raises(AssertionError, match=message):
        check_backbone(backbone(module_class), scikit_learn=False)


@pytest.mark.parametrize("make", [lambda mine: mine, lambda mine: LOE(mine, n_estimators=2)])
@pytest.mark.parametrize(
    ("module_class", "message"),
    [
        (Detached, r"Detached.forward\(x\) returned loss_a without a gradient.*no_grad"),
        (ComplexLosses, r"ComplexLosses.forward\(x\) must return real losses.*\.abs\(\)"),
        (OneLoss, r"for 9 rows it returned a Tensor of shape \(9,\)"),
        (MeanLosses, r"for 9 rows it returned \[\(\), \(\)\]"),
        (lambda n_features: None, r"Sound\.build_module must return a torch.nn.Module.*NoneType"),
    ],
)
def test_a_fit_says_what_is_wrong_with_a_module(make, module_class, message):
    mine = backbone(staticmethod(module_class))
    detector = make(mine.set_params(max_epochs=2, contamination=0.2))
    if isinstance(detector, LOE):
        detector.set_params(contamination=0.2, init=None, evidence=None)
    with pytest.raises(TypeError, match=message):
        detector.fit(torch.randn(9, 3, generator=torch.Generator().manual_seed(0)).numpy())


def test_dropout_is_no_dependence_on_other_rows():
    class WithDropout(Module):
        def distance(self, x):
            return super().distance(nn.functional.dropout(x, 0.1, self.training))

    rows = torch.randn(30, 3, generator=torch.Generator().manual_seed(0))
    MODULE_CHECKS["rows do not affect each other"](backbone(WithDropout), rows)


def test_buffers_that_change_whatever_the_rows_are_pass():
    class WithSpectralNorm(Module):
        def __init__(self, n_features):
            super().__init__(n_features)
            nn.utils.parametrizations.spectral_norm(self.layer)

    rows = torch.randn(30, 3, generator=torch.Generator().manual_seed(0))
    MODULE_CHECKS["rows do not affect each other"](backbone(WithSpectralNorm), rows)


def test_an_anomaly_loss_that_rounds_to_a_constant_far_away_has_a_gradient():
    # exp(-e) of a large distance e is 0 in float32; in units of the rows it is not.
    rows = 1e4 * torch.randn(30, 3, generator=torch.Generator().manual_seed(0))
    MODULE_CHECKS["gradients reach every parameter"](backbone(Module), rows)


def test_numbers_drawn_by_numpy_are_named():
    class Permuted(Module):
        def __init__(self, n_features):
            super().__init__(n_features)
            order = np.random.permutation(n_features)
            self.register_buffer("order", torch.from_numpy(order))

        def distance(self, x):
            return super().distance(x[:, self.order])

    with pytest.raises(AssertionError, match="gave two models. Draw random numbers by torch, not"):
        check_backbone(backbone(Permuted), scikit_learn=False)


def test_a_loss_that_does_not_fall_is_found():
    stuck = backbone(Module).set_params(lr=1e-12)
    with pytest.raises(AssertionError, match="the normal loss must fall in training"):
        check_backbone(stuck, scikit_learn=False)


def test_parameters_must_be_stored_and_declared():
    class Forgets(Sound):
        def __init__(self, *, depth=3, **shared):
            super().__init__(**shared)

    class Undeclared(Sound):
        def __init__(self, *, depth=3, **shared):
            self.depth = depth
            super().__init__(**shared)

    with pytest.raises(AssertionError, match="Forgets.__init__ must store its parameter depth"):
        check_backbone(Forgets())
    with pytest.raises(AssertionError, match="Undeclared: parameter depth is not declared"):
        check_backbone(Undeclared())


@pytest.mark.parametrize("wrong", [Sound, nn.Linear(2, 2), None])
def test_it_takes_an_instance_of_a_backbone(wrong):
    with pytest.raises(AssertionError, match="needs an instance of a subclass of .*Backbone"):
        check_backbone(wrong)


def findings(estimator):
    """Return the checks that were passed, and what was warned of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        passed = check_backbone(estimator, scikit_learn=False)
    assert all(warning.filename == __file__ for warning in caught)
    return passed, [str(warning.message) for warning in caught]


NO_BOUND, NO_GAIN = "the anomaly loss has a lower bound", "LOE's labels beat blind training"


def test_a_sound_backbone_is_not_warned_of():
    passed, found = findings(Sound())
    assert passed[-2:] == [NO_BOUND, NO_GAIN]
    assert not found


@pytest.fixture
def two_sets(monkeypatch):
    """Compare with blind training on two sets, and not on four: a fit takes half a second."""
    monkeypatch.setattr("lofe_sklearn.testing._findings._N_SETS", 2)


@pytest.mark.usefixtures("two_sets")
def test_an_anomaly_loss_without_a_lower_bound_is_warned_of():
    passed, [found] = findings(Flow(max_epochs=20))
    assert "FlowModule: the anomaly loss has no lower bound" in found
    assert NO_BOUND not in passed
    assert passed[-1] == NO_GAIN


@pytest.mark.usefixtures("two_sets")
def test_labels_that_do_not_beat_blind_training_are_warned_of():
    passed, [found] = findings(Flow(losses="energy", max_epochs=10, lr=3e-3))
    assert "Flow: LOE's labels do not beat blind training" in found
    assert passed[-1] == NO_BOUND


class NegativeButBounded(Module):
    """Its anomaly loss falls from 0 to -1 and levels off."""

    score_scale = "linear"

    def forward(self, x):
        distance = self.distance(x)
        return distance, -torch.tanh(distance)


class SlowlyWithoutBound(Module):
    """Its anomaly loss falls without end, but ever more slowly."""

    def forward(self, x):
        distance = self.distance(x) + 1e-6
        return distance, -torch.log(distance)


@pytest.mark.parametrize(
    ("module_class", "is_bounded"), [(NegativeButBounded, True), (SlowlyWithoutBound, False)]
)
def test_a_bound_below_zero_is_one(module_class, is_bounded):
    passed, _ = findings(backbone(module_class))
    assert (NO_BOUND in passed) == is_bounded


def test_members_of_a_flow_are_averaged_without_a_logarithm(contaminated):
    X, _ = contaminated
    flows = LOE(Flow(max_epochs=5), contamination=0.1, n_estimators=2, random_state=0)
    loe = flows.set_params(evidence=None).fit(X)
    losses = np.stack([-member.score_samples(X) for member in loe.estimators_])
    expected = -in_units_of_normal_rows(losses, losses, 0.1).mean(axis=0)
    np.testing.assert_allclose(loe.score_samples(X), expected, rtol=1e-6, atol=1e-9)
