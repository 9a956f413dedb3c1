"""What marked rows are pulled to, and when: soft labels by backbone, hard ones that start soft."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from lofe_sklearn import ICL, LOE, DeepSVDD, NeuTraL, fit_many
from lofe_sklearn._loe._members import Planner
from lofe_sklearn._loe._ratio import read_contamination
from lofe_sklearn._prepared_rows import PreparedRows
from lofe_sklearn.engine import RULES, Marked, batch_sizes

EPOCHS = 8


class Soft(NeuTraL):
    """NeuTraL of one label in all epochs, which is to be set for soft labels."""

    label = 0.5

    def choose_soft_label(self, n_features):
        return self.label

    def choose_first_label(self, n_features):
        return None


class AllHard(Soft):
    label = 1.0


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return np.concatenate([rng.normal(0, 1, (270, 5)), rng.normal(3, 1, (30, 5))])


def fitted(X, estimator, **options):
    options = {"contamination": 0.1, "init": None, "label_update": "batch"} | options
    return LOE(estimator, random_state=0, evidence=None, **options).fit(X)


def objectives(X, cls, **options):
    """Objective of each epoch, of whatever was trained before."""
    return fitted(X, cls(max_epochs=EPOCHS), warmup_epochs=2, **options).loss_history_


@pytest.mark.parametrize("label", [0.5, 0.8, 14 / 15])
def test_marked_rows_are_pulled_to_one_minus_the_label(label):
    logit = torch.linspace(-6, 6, 24001, dtype=torch.float64)
    loss_n, loss_a = F.softplus(-logit), F.softplus(logit)
    w_n, w_a = Marked(label)(loss_n[None, :1], loss_a[None, :1], torch.tensor([0.5]))
    best = (w_n[0] * loss_n + w_a[0] * loss_a).argmin()
    assert torch.sigmoid(logit[best]).item() == pytest.approx(1 - label, abs=1e-3)


@pytest.mark.parametrize("n_features", [2, 4, 16, 60, 200])
def test_soft_windows_are_no_easier_to_tell_than_by_chance(n_features):
    for parameters in ({}, {"window_size": 1}, {"max_windows": 3}):
        detector = ICL(**parameters)
        chance = 1 / detector.build_module(n_features).n_windows
        assert detector.choose_soft_label(n_features) == pytest.approx(1 - chance)


def test_the_backbone_says_what_soft_labels_are(X):
    half = objectives(X, Soft, method="soft")
    whole = objectives(X, AllHard, method="soft")
    np.testing.assert_array_equal(whole, objectives(X, AllHard, method="hard"))
    np.testing.assert_array_equal(half, objectives(X, Soft, method=RULES["soft"]))
    assert half[1] == whole[1]
    assert half[2] != whole[2]


def test_labels_of_neutral_rise_after_the_first_half(X):
    soft, hard = (objectives(X, NeuTraL, method=method) for method in ("soft", "hard"))
    half, at_once = (objectives(X, Soft, method=method) for method in ("soft", "hard"))
    for risen in (soft, hard):
        np.testing.assert_array_equal(risen[: EPOCHS // 2], half[: EPOCHS // 2])
        assert risen[EPOCHS // 2] != half[EPOCHS // 2]
    assert soft[EPOCHS // 2] != hard[EPOCHS // 2]
    assert at_once[1] == hard[1]
    assert at_once[2] != hard[2]


@pytest.mark.parametrize("options", [{"init": "iforest"}, {"init": None, "warmup_epochs": 0}])
def test_they_are_hard_at_once_only_after_first_labels(X, options):
    of = [
        fitted(X, cls(max_epochs=EPOCHS), method="hard", **options).loss_history_
        for cls in (NeuTraL, Soft)
    ]
    assert np.array_equal(*of) == (options["init"] == "iforest")


def test_other_backbones_are_as_they_were(X):
    assert DeepSVDD().choose_first_label(10) is None
    assert DeepSVDD().choose_soft_label(10) == 0.5


def test_a_stack_keeps_apart_who_is_soft(X):
    def detectors():
        return [
            LOE(NeuTraL(max_epochs=EPOCHS), random_state=0, contamination=0.1, init=None, **options)
            for options in (
                {"method": "hard", "label_update": "batch"},
                {"method": "hard", "label_update": "epoch"},
                {"method": "soft", "label_update": "batch"},
                {"method": "hard", "label_update": "batch", "warmup_epochs": 5},
            )
        ]

    for stacked, alone in zip(fit_many(detectors(), X), detectors(), strict=True):
        np.testing.assert_allclose(
            stacked.loss_history_, alone.fit(X).loss_history_, rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize(
    ("n_rows", "max_epochs", "expected"),
    [
        (100, 400, 50),  # one batch an epoch
        (1000, 400, 7),
        (20_000, 400, 2),
        (100, 40, 10),  # a quarter of the epochs at most
        (100, 4, 2),
        (100, 2, 1),
    ],
)
def test_a_blind_warm_up_takes_fifty_steps(n_rows, max_epochs, expected):
    X = np.random.default_rng(0).normal(size=(n_rows, 3))
    backbone = DeepSVDD(max_epochs=max_epochs)
    asked = LOE(backbone, init=None, evidence=None, contamination=0.1)
    planner = Planner(
        asked, [backbone], ["hard"], read_contamination(0.1), PreparedRows(X), None, {}
    )
    [task] = planner.plan(0, lambda seed: None).members
    assert task.labelling.warmup_epochs == expected
    assert len(batch_sizes(n_rows, 128)) * expected >= 50 or expected in (1, 2, max_epochs // 4)
