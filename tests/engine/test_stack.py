"""M modules in one stack are M modules one by one."""

import warnings
from itertools import repeat

import numpy as np
import pytest
import torch
from torch import nn

from lofe_sklearn import TrainingDivergedError, engine
from lofe_sklearn.backbones._deep_svdd import DeepSVDDModule
from lofe_sklearn.engine import TrainingSettings
from lofe_sklearn.engine._optimizer import clip_gradients
from lofe_sklearn.engine._stack import ModuleStack, build_modules
from lofe_sklearn.engine._stopping import EarlyStopping

OF_A_JOB = {"max_epochs": 6, "lr": 1e-2, "weight_decay": 1e-4}
OF_A_LABELLING = {"warmup_epochs": 0, "per_epoch": False}


class TwoLosses(nn.Module):
    """A least backbone: two losses of one linear layer."""

    def __init__(self, n_features=3):
        super().__init__()
        self.layer = nn.Linear(n_features, 4)
        self.register_buffer("shift", torch.zeros(4))

    def prepare(self, x):
        self.shift.copy_(x.mean())

    def forward(self, x):
        z = (self.layer(x) - self.shift).square().sum(-1)
        return z, 1 / (1 + z)


class NotVmappable(TwoLosses):
    def forward(self, x):
        return super().forward(x) if x.sum().item() < 1e9 else None


class OneLoss(TwoLosses):
    def forward(self, x):
        return super().forward(x)[0]


class WrongShape(TwoLosses):
    def forward(self, x):
        loss_n, loss_a = super().forward(x)
        return loss_n.mean(), loss_a.mean()


def job(index, seed, alpha, rule="hard", device="cpu", **options):
    labelling = {name: options.pop(name, value) for name, value in OF_A_LABELLING.items()}
    labelling |= {name: options.pop(name, None) for name in ("first_scores", "known")}
    return engine.Job(
        index.to(device),
        engine.Labelling(engine.RULES[rule], alpha=alpha, **labelling),
        seed=seed,
        **{**OF_A_JOB, **options},
    )


def train(module_class, seeds, alpha, device="cpu", rule="hard", X=None, **options):
    device = torch.device(device)
    X = np.random.default_rng(0).normal(size=(50, 3)) if X is None else X
    settings = {"batch_size": 16}
    for name in ("batch_size", "gradient_clip_value", "n_iter_no_change", "tol"):
        if name in options:
            settings[name] = options.pop(name)
    jobs = [
        job(torch.arange(len(X)), seed, share, rule, device, **options)
        for seed, share in zip(seeds, alpha, strict=True)
    ]
    modules = build_modules(repeat(module_class), seeds, device)
    rows = engine.Rows(X, device=device)
    history = engine.train(modules, rows, jobs, TrainingSettings(**settings))
    return modules, history


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"warmup_epochs": 2},
        {"warmup_epochs": 2, "first_scores": np.arange(50.0)},
        {"per_epoch": True, "rule": "soft"},
        {"per_epoch": True, "warmup_epochs": 1, "known": np.arange(50) % 3 - 1},
        {"gradient_clip_value": 0.05},
        {"n_iter_no_change": 2, "tol": 0.3, "max_epochs": 25},
    ],
    ids=str,
)
def test_a_stack_equals_single_models(device, settings):
    seeds, alpha = [0, 1, 2], [0.05, 0.1, 0.4]
    stacked, history = train(TwoLosses, seeds, alpha, device, **settings)
    for m, seed in enumerate(seeds):
        (single,), alone = train(TwoLosses, [seed], alpha[m : m + 1], device, **settings)
        for a, b in zip(stacked[m].parameters(), single.parameters(), strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=1e-5)
        of_model = history.of_model(m)
        assert of_model.n_iter == alone.n_iter
        np.testing.assert_allclose(of_model.loss_n, alone.loss_n, rtol=1e-4)
        np.testing.assert_allclose(of_model.objective, alone.objective, rtol=1e-4)
        assert np.array_equal(of_model.labels, alone.labels)


def test_models_stop_early_each_on_its_own():
    _, history = train(TwoLosses, [0, 1, 2], [0.1] * 3, n_iter_no_change=2, tol=0.3, max_epochs=25)
    assert len(set(history.n_iter)) > 1
    assert history.n_iter.max() == len(history.objective) < 25
    for m, n_iter in enumerate(history.n_iter):
        assert np.isfinite(history.loss_n[:n_iter, m]).all()
        assert np.isnan(history.loss_n[n_iter:, m]).all()


@pytest.mark.parametrize("sizes", [(50, 49), (50, 50), (33, 34)])
def test_one_stack_of_all_sorts_equals_single_models(device, sizes):
    X = np.random.default_rng(0).normal(size=(60, 3))
    rng = torch.Generator().manual_seed(0)
    some = [torch.randperm(60, generator=rng)[: sizes[m % 2]] for m in range(6)]
    known = (np.arange(sizes[1]) % 9 == 0).astype(np.int8)
    jobs = [
        job(some[0], 0, 0.1, device=device),
        job(some[1], 1, 0.3, "soft", device, lr=1e-3, known=known, warmup_epochs=3),
        job(some[2], 2, 0.02, "hard", device, per_epoch=True),
        job(some[3], 3, 0.2, "refine", device, weight_decay=0.1, max_epochs=3),
        job(some[4], 0, 0.1, "blind", device, lr=1e-3),
        job(
            some[5], 5, 0.2, device=device, per_epoch=True, warmup_epochs=2,
            first_scores=np.arange(float(sizes[1])),
        ),
    ]  # fmt: skip
    rows = engine.Rows(X, device=device)
    settings = TrainingSettings(batch_size=17)

    def trained(jobs):
        modules = build_modules(repeat(TwoLosses), [job.seed for job in jobs], device)
        return modules, engine.train(modules, rows, jobs, settings)

    stacked, history = trained(jobs)
    for m, one in enumerate(jobs):
        (single,), alone = trained([one])
        torch.testing.assert_close(stacked[m].layer.weight, single.layer.weight, rtol=0, atol=1e-5)
        of_model = history.of_model(m)
        assert of_model.n_iter == alone.n_iter
        assert np.array_equal(of_model.labels, alone.labels)
        for name in ("objective", "loss_n", "loss_a"):
            np.testing.assert_allclose(getattr(of_model, name), getattr(alone, name), rtol=1e-4)


@pytest.mark.parametrize("rule", ["hard", "soft", "refine"])
def test_first_scores_label_the_warm_up(rule):
    scores = np.arange(50.0)
    _, history = train(
        TwoLosses, [0], [0.1], rule=rule, warmup_epochs=2, first_scores=scores, max_epochs=2
    )
    expected = np.arange(50) >= 45
    assert (history.labels == expected).all()


def test_labels_once_an_epoch_are_the_best_over_all_rows():
    # With one batch an epoch, labelling per epoch and per batch is the same thing.
    for batch_size, equal in ((50, True), (10, False)):
        per_batch, per_epoch = (
            train(TwoLosses, [0], [0.1], batch_size=batch_size, per_epoch=value)[1]
            for value in (False, True)
        )
        assert np.array_equal(per_batch.labels, per_epoch.labels) == equal
        assert (per_epoch.labels.sum(axis=2) == 5).all()


def stopper(job_options=None, **settings):
    stack = ModuleStack([TwoLosses()])
    jobs = [job(torch.arange(9), 0, 0.1, **{"max_epochs": 99, **(job_options or {})})]
    return EarlyStopping(stack, TrainingSettings(batch_size=8, **settings), jobs)


def stopped_after(waiting, objective, loss):
    """Whether the one model has stopped after one more epoch."""
    waiting.end_epoch(np.array([objective]), np.array([loss]))
    return not waiting.running.any()


def test_early_stopping_waits_for_improvements_by_tol():
    waiting = stopper(n_iter_no_change=2, tol=0.1)
    stopped = [stopped_after(waiting, x, 9.0) for x in (5.0, 4.0, 3.95, 3.92)]
    assert stopped == [False, False, False, True]


def test_early_stopping_below_a_loss_is_by_the_rows_taken_for_normal():
    waiting = stopper(loss_threshold=0.5)
    stopped = [stopped_after(waiting, 0.1, x) for x in (2.0, 0.5, 0.49)]
    assert stopped == [False, False, True]
    assert not stopped_after(stopper(), 0.1, -5.0)


def test_early_stopping_does_not_count_the_warm_up():
    waiting = stopper({"warmup_epochs": 2}, n_iter_no_change=1, loss_threshold=0.5)
    stopped = [stopped_after(waiting, x, 0.1) for x in (1.0, 2.0, 5.0, 6.0)]
    assert stopped == [False, False, True, True]


def test_every_model_has_its_own_epochs():
    waiting = stopper({"max_epochs": 3})
    assert [stopped_after(waiting, 1.0, 1.0) for _ in range(3)] == [False, False, True]


def test_a_model_that_diverges_costs_only_itself(device):
    X = np.random.default_rng(0).normal(size=(50, 3))
    jobs = [job(torch.arange(50), 0, 0.1, device=device, lr=lr) for lr in (1e-2, 1e30)]
    rows, settings = engine.Rows(X, device=device), TrainingSettings(batch_size=16)
    modules = build_modules(repeat(TwoLosses), [0, 0], device)
    history = engine.train(modules, rows, jobs, settings, keep_going=True)
    assert list(history.diverged) == [1]
    assert "model 1 (of 2)" in history.diverged[1]
    [alone] = build_modules(repeat(TwoLosses), [0], device)
    engine.train([alone], rows, jobs[:1], settings)
    torch.testing.assert_close(modules[0].layer.weight, alone.layer.weight, rtol=0, atol=1e-5)


class Dropping(TwoLosses):
    def __init__(self):
        super().__init__()
        self.dropout = nn.Dropout(0.5)

    def forward(self, x):
        return super().forward(self.dropout(x))


@pytest.mark.parametrize("seeds", [[0], [0, 1]])
def test_dropout_is_seeded_and_leaves_torchs_random_state_alone(device, seeds):
    state = torch.get_rng_state()
    _, first = train(Dropping, seeds, [0.1] * len(seeds), device)
    torch.testing.assert_close(torch.get_rng_state(), state)
    torch.manual_seed(7)
    _, again = train(Dropping, seeds, [0.1] * len(seeds), device)
    np.testing.assert_array_equal(first.loss_n, again.loss_n)
    assert not np.array_equal(first.loss_n, train(TwoLosses, seeds, [0.1] * len(seeds))[1].loss_n)


def test_a_module_that_cannot_be_vmapped_is_looped_over_with_a_warning(device):
    with pytest.warns(UserWarning, match="NotVmappable cannot be vmapped"):
        looped, _ = train(NotVmappable, [0, 1], [0.1, 0.2], device)
    stacked, _ = train(TwoLosses, [0, 1], [0.1, 0.2], device)
    for a, b in zip(looped, stacked, strict=True):
        torch.testing.assert_close(a.layer.weight, b.layer.weight, rtol=0, atol=1e-5)


def test_one_module_is_never_vmapped():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(NotVmappable, [0], [0.1])


class NoLoss(TwoLosses):
    def forward(self, x):
        return None


@pytest.mark.parametrize("module_class", [OneLoss, WrongShape, NoLoss])
@pytest.mark.parametrize("seeds", [[0], [0, 1]])
def test_a_module_that_breaks_the_contract(module_class, seeds):
    with pytest.raises(TypeError, match=rf"{module_class.__name__}.*\(loss_n, loss_a\)"):
        train(module_class, seeds, [0.1] * len(seeds))


def test_seeded_init_leaves_the_global_state_alone():
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    first, again, other = build_modules(repeat(TwoLosses), [0, 0, 1], torch.device("cpu"))
    assert torch.equal(torch.rand(3), expected)
    assert torch.equal(first.layer.weight, again.layer.weight)
    assert not torch.equal(first.layer.weight, other.layer.weight)


def test_gradients_are_clipped_for_each_model_alone():
    small, large = torch.zeros(2, 3), torch.zeros(2, 4)
    small.grad, large.grad = torch.zeros(2, 3), torch.zeros(2, 4)
    small.grad[0, 0], large.grad[0, 0], large.grad[1, 0] = 3.0, 4.0, 0.5
    clip_gradients([small, large], n_models=2, max_norm=1.0)
    assert small.grad[0, 0].item() == pytest.approx(0.6)
    assert large.grad[:, 0].tolist() == pytest.approx([0.8, 0.5])


@pytest.mark.parametrize("seeds", [[0], [0, 1]])
def test_divergence_names_model_epoch_and_remedy(seeds):
    with pytest.raises(TrainingDivergedError, match=r"model 0 .* epoch 1 of 6.*Lower lr"):
        train(TwoLosses, seeds, [0.1] * len(seeds), lr=1e30)


def test_history_holds_both_losses_and_the_labels():
    _, history = train(TwoLosses, [0, 1], [0.1, 0.2], warmup_epochs=2, batch_size=50)
    assert history.objective.shape == history.loss_n.shape == history.loss_a.shape == (6, 2)
    assert history.labels.shape == (6, 2, 50)
    assert history.labels.sum(axis=2).tolist() == [[0, 0]] * 2 + [[5, 10]] * 4


def test_some_models_of_a_stack_are_called_with_the_parameters_of_now():
    seeds = range(4)
    builders = [lambda: DeepSVDDModule(3, hidden_sizes=[5, 2], anomaly_loss="inverse")] * 4
    stack = ModuleStack(build_modules(builders, seeds, torch.device("cpu")))
    x = torch.arange(24.0).view(2, 4, 3) / 24
    for _ in range(2):
        with torch.no_grad():
            some = stack(x, slice(1, 3))
            for parameter in stack.parameters.values():
                assert parameter.shape[0] == 4
            single = [module(rows) for module, rows in zip(stack.sync()[1:3], x, strict=True)]
            for own, expected in zip(some, zip(*single, strict=True), strict=True):
                torch.testing.assert_close(own, torch.stack(expected))
            for parameter in stack.parameters.values():
                parameter.mul_(0.9)  # as a step of the optimiser, in place
    in_training = stack(x, slice(1, 3))[0]
    assert in_training.requires_grad
