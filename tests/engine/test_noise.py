"""Noise beside the rows of a training step."""

from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import nn

from lofe_sklearn import LOE, fit_many
from lofe_sklearn.backbones import MLP, Backbone, energy_losses
from lofe_sklearn.engine._noise import NoiseStep, noise_step
from lofe_sklearn.testing import check_backbone

N_FEATURES = 3


class DenoisingModule(nn.Module):
    """An autoencoder of rows with noise; it keeps what it was given."""

    takes_stacked_parameters = True
    seen: ClassVar = []  # also of copies, such as those that score

    def __init__(self, n_features):
        super().__init__()
        self.n_features = self.noise_per_row = n_features
        self.network = MLP([n_features, 4, n_features])

    def forward(self, x):
        self.seen.append(x.detach())
        row, noise = x[..., : self.n_features], x[..., self.n_features :]
        noised = row + 0.1 * noise if noise.shape[-1] else row
        return energy_losses((self.network(noised) - row).square().mean(-1))


class Denoising(Backbone):
    def build_module(self, n_features):
        return DenoisingModule(n_features)


@pytest.fixture
def X():
    DenoisingModule.seen.clear()
    return np.random.default_rng(0).normal(size=(50, N_FEATURES))


def test_a_step_has_noise_and_a_score_has_none(X):
    detector = Denoising(max_epochs=3, batch_size=20, random_state=0).fit(X)
    seen = [x for x in DenoisingModule.seen if x.shape[-1] > N_FEATURES]
    assert [len(x) for x in seen] == [17, 17, 16] * 3
    noise = torch.cat(seen)[:, N_FEATURES:]
    assert noise.shape == (150, N_FEATURES)
    assert len(noise.unique(dim=0)) == 150
    assert abs(noise.mean()) < 0.2
    assert abs(noise.std() - 1) < 0.1
    DenoisingModule.seen.clear()
    detector.score_samples(X)
    assert {x.shape[-1] for x in DenoisingModule.seen} == {N_FEATURES}


def test_a_model_of_a_stack_has_the_noise_that_it_has_alone(X):
    together = LOE(
        Denoising(max_epochs=5), contamination=0.1, init=None, n_estimators=3, random_state=0
    ).fit(X)
    for member in together.estimators_:
        alone = LOE(member, contamination=0.1, init=None).fit(X)
        np.testing.assert_allclose(member.score_samples(X), alone.score_samples(X), rtol=1e-5)


def test_models_of_other_numbers_of_rows_have_their_own_noise(X):
    backbone = Denoising(max_epochs=5, batch_size=20)
    detectors = [
        LOE(backbone, contamination=0.1, max_samples=n, init=None, random_state=3) for n in (50, 44)
    ]
    together = fit_many(detectors, X)
    for detector, alone in zip(together, detectors, strict=True):
        np.testing.assert_allclose(
            detector.score_samples(X), alone.fit(X).score_samples(X), rtol=1e-5
        )


def test_outliers_have_noise_too(X):
    detector = Denoising(max_epochs=2, batch_size=50, random_state=0)
    detector.fit(X, outliers=X[:5] + 4)
    [first, second] = [x for x in DenoisingModule.seen if x.shape[-1] > N_FEATURES]
    assert len(first) == len(second) == 100
    assert len(torch.cat([first, second])[:, N_FEATURES:].unique(dim=0)) == 200


def test_places_that_only_fill_a_batch_up_have_none():
    noise = NoiseStep(2, [0, 1]).draw((3, 5), width=10)
    assert noise.shape == (2, 10, 2)
    assert (noise[0, 3:5] == 0).all()
    assert (noise[0, 8:] == 0).all()
    filled = torch.cat([noise[0, :3], noise[0, 5:8], noise[1]])
    assert len(filled.unique(dim=0)) == 16
    # The first model's numbers are those that it would be given alone.
    assert torch.equal(noise[0, [0, 1, 2, 5, 6, 7]], NoiseStep(2, [0]).draw((3,), width=6)[0])


def test_modules_that_ask_for_none_get_none(X):
    none = noise_step([nn.Linear(2, 2)], [0])
    assert not none.draws
    assert none.draw((3,), 3) is None


@pytest.mark.parametrize("asked", [-1, 1.5, True, "two"])
def test_a_bad_number_of_noise_is_refused(X, asked):
    class Bad(Denoising):
        def build_module(self, n_features):
            module = DenoisingModule(n_features)
            module.noise_per_row = asked
            return module

    with pytest.raises(TypeError, match=r"DenoisingModule\.noise_per_row must be an integer"):
        Bad(max_epochs=1).fit(X)


def test_check_backbone_gives_the_module_its_noise():
    assert check_backbone(Denoising(max_epochs=20), scikit_learn=False)
    assert any(x.shape[-1] == 12 and len(x) == 1 for x in DenoisingModule.seen)

    class Wrong(Denoising):
        def build_module(self, n_features):
            return OfAllRows(n_features)

    with pytest.raises(AssertionError, match="must not depend on the other rows"):
        check_backbone(Wrong(max_epochs=20), scikit_learn=False)


class OfAllRows(DenoisingModule):
    """Its loss is right without noise only."""

    def forward(self, x):
        loss_n, loss_a = super().forward(x)
        if x.shape[-1] > self.n_features:
            loss_n = loss_n + loss_n.mean()
        return loss_n, loss_a
