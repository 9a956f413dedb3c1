"""Steps that a GPU repeats: the same training as step by step."""

import warnings
import weakref
from functools import partial

import numpy as np
import pytest
import torch

from lofe_sklearn import LOE, AutoEncoder, DeepSVDD, NeuTraL, fit_many
from lofe_sklearn.backbones import RealNVP
from lofe_sklearn.engine import _cuda_graph
from lofe_sklearn.rules import AAR, ALTBI, Margin

SIZES = {"max_epochs": 4, "batch_size": 32}


@pytest.fixture(scope="module")
def X():
    # 301 rows in ten batches: of 30 rows, and one of 31.
    return np.random.default_rng(0).normal(size=(301, 5))


@pytest.fixture(scope="module")
def known():
    labels = np.zeros(301, dtype=int)
    labels[:3], labels[3:9] = -1, 1
    return labels


class RecordedOnCPU(_cuda_graph.Recording):
    """Does what a recording does, with the tensors that it would read, step by step."""

    n_made = n_replayed = most_kept = 0
    kept = weakref.WeakSet()

    def __init__(self, step, batch):
        type(self).n_made += 1
        self.kept.add(self)
        type(self).most_kept = max(self.most_kept, len(self.kept))
        self._read = [part.clone() for part in _cuda_graph._parts(batch)]
        position, row, *weight = self._read
        self._batch = batch._replace(
            position=position, row=row, weight=weight[0] if weight else None, own=None
        )
        self._step = step

    def replay(self, batch):
        type(self).n_replayed += 1
        torch._foreach_copy_(self._read, list(_cuda_graph._parts(batch)))
        return self._step(self._batch)


@pytest.fixture
def recording(monkeypatch):
    """Let steps be recorded on a CPU as they are on a GPU."""
    RecordedOnCPU.n_made = RecordedOnCPU.n_replayed = RecordedOnCPU.most_kept = 0
    started = _cuda_graph.RecordedSteps.__init__

    def on_any_device(self, step):
        started(self, step)
        self._can_record = (
            step.rows.are_on_device and step.stack.sets_gradients and not step.exposure.draws
        )

    monkeypatch.setattr(_cuda_graph.RecordedSteps, "__init__", on_any_device)
    monkeypatch.setattr(_cuda_graph, "Recording", RecordedOnCPU)
    return RecordedOnCPU


def loe(backbone=DeepSVDD, **params):
    default = {"contamination": 0.1, "evidence": None, "init": None, "warmup_epochs": 0}
    return LOE(backbone(**SIZES), random_state=0, **default).set_params(**params)


CASES = {
    "one model": ({}, {}),
    "a stack": ({"n_estimators": 3, "method": "soft"}, {}),
    "two ratios": ({"contamination": [0.05, 0.1]}, {}),
    "first labels": ({"init": "knn", "warmup_epochs": 3}, {}),
    "each epoch": ({"label_update": "epoch"}, {}),
    "growing batches": ({"method": ALTBI()}, {}),
    "left out": ({"method": Margin()}, {}),
    "a flow": ({"backbone": RealNVP}, {}),
    "weights": ({"known_weight": 2.0}, {"known": True}),
    "known anomalies": ({"method": Margin()}, {"known": "anomalies"}),
}


def fitted(case, X, known, **more):
    params, fit_params = CASES[case]
    labels = None
    if fit_params:
        labels = np.minimum(known, 0) if fit_params["known"] == "anomalies" else known
    return loe(**params, **more).fit(X, known_labels=labels)


@pytest.mark.parametrize("case", CASES)
def test_a_replay_reads_the_batch_that_it_is_given(X, known, case, monkeypatch, recording):
    replayed = fitted(case, X, known)
    assert recording.n_replayed > 10
    with monkeypatch.context() as patch:
        patch.setattr(_cuda_graph.RecordedSteps, "_record", lambda *_: False)
        alone = fitted(case, X, known)
    np.testing.assert_allclose(
        replayed.score_samples(X), alone.score_samples(X), rtol=1e-5, atol=1e-7
    )
    np.testing.assert_array_equal(replayed.labels_, alone.labels_)


def test_each_kind_of_step_is_recorded_once(X, recording):
    loe().fit(X)
    # Nine batches of 30 rows an epoch and one of 31, of which there are four steps only.
    assert recording.n_made == 1
    assert recording.n_replayed == 36 - 4


def test_models_of_two_rules_are_one_step(X, recording):
    two = [loe(method=method) for method in ("hard", Margin())]
    together = fit_many(two, X)
    assert recording.n_made > 0
    for one, alone in zip(together, two, strict=True):
        np.testing.assert_allclose(
            one.score_samples(X), alone.fit(X).score_samples(X), rtol=1e-4, atol=1e-6
        )


def test_other_rules_are_recorded_anew(X, recording):
    loe(warmup_epochs=2).fit(X)
    assert recording.n_made == 2
    assert recording.n_replayed == 2 * (18 - 4)


def test_the_memory_of_sizes_that_do_not_come_back_is_freed(X, recording):
    backbone = DeepSVDD(batch_size=8, max_epochs=10)
    LOE(backbone, method=ALTBI(batch_growth=1.2), contamination=0.1, init=None).fit(X)
    assert recording.n_made > 6
    assert recording.most_kept <= 4


class WithPrint(Margin):
    """A rule that might do anything."""


def own_rule(loss_n, loss_a, alpha, known):
    return torch.ones_like(loss_n), torch.zeros_like(loss_n)


@pytest.mark.parametrize(
    "make",
    [
        lambda: loe(method=WithPrint()),
        lambda: loe(method=own_rule),
        lambda: loe(partial(DeepSVDD, anomaly_loss="inverse")),
    ],
    ids=["subclass of a rule", "function", "gradients by autograd"],
)
def test_other_steps_are_done_one_by_one(X, recording, make):
    make().fit(X)
    assert recording.n_made == 0


def test_outliers_that_are_drawn_are_drawn_each_time(X, recording):
    loe().fit(X, outliers=X[:20] + 5)
    assert recording.n_made == 0


def test_what_cannot_be_recorded_is_trained_with_a_warning(X, monkeypatch, recording):
    class Refusing(RecordedOnCPU):
        def __init__(self, step, batch):
            raise RuntimeError("operation not permitted when stream is capturing\nand more")

    expected = loe().fit(X).score_samples(X)
    monkeypatch.setattr(_cuda_graph, "Recording", Refusing)
    with pytest.warns(UserWarning, match=r"recorded as a CUDA graph \(operation not permitted"):
        found = loe().fit(X).score_samples(X)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_a_cpu_records_nothing(X, monkeypatch):
    def fail(*_):
        raise AssertionError("recorded")

    monkeypatch.setattr(_cuda_graph, "Recording", fail)
    LOE(DeepSVDD(device="cpu", **SIZES), contamination=0.1).fit(X)


@pytest.mark.gpu
@pytest.mark.parametrize("backbone", [DeepSVDD, AutoEncoder, NeuTraL, RealNVP])
@pytest.mark.parametrize("n_models", [1, 3])
@pytest.mark.parametrize("method", ["hard", "soft", Margin(), AAR(), AAR("posterior")], ids=str)
def test_on_a_gpu_a_replay_does_what_the_step_does(X, monkeypatch, backbone, n_models, method):
    def fit():
        detector = LOE(
            backbone(**SIZES, device="cuda"),
            method=method,
            contamination=0.1,
            n_estimators=n_models,
            random_state=0,
        )
        return detector.fit(X)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        replayed = fit()
    monkeypatch.setattr(_cuda_graph.RecordedSteps, "_record", lambda *_: False)
    alone = fit()
    np.testing.assert_allclose(replayed.score_samples(X), alone.score_samples(X), rtol=1e-3)
    assert (replayed.labels_ == alone.labels_).mean() > 0.99


@pytest.mark.gpu
def test_on_a_gpu_weights_and_unequal_batches_are_replayed(X, known, monkeypatch):
    for case in CASES:
        replayed = fitted(case, X, known)
        with monkeypatch.context() as patch:
            patch.setattr(_cuda_graph.RecordedSteps, "_record", lambda *_: False)
            alone = fitted(case, X, known)
        np.testing.assert_allclose(
            replayed.score_samples(X), alone.score_samples(X), rtol=1e-3, err_msg=case
        )


@pytest.mark.gpu
def test_on_a_gpu_a_stack_is_what_its_models_are_alone(X):
    detectors = [loe(random_state=seed) for seed in range(3)]
    together = fit_many(detectors, X)
    for seed, one in enumerate(together):
        alone = loe(random_state=seed).fit(X)
        np.testing.assert_allclose(one.score_samples(X), alone.score_samples(X), rtol=1e-3)


@pytest.mark.gpu
def test_on_a_gpu_models_of_different_numbers_of_rows_are_replayed(X, known):
    """What a step divides by is on the GPU too, and stays there as long as steps are replayed."""
    rows = [np.arange(300), np.arange(1, 300), np.arange(298)]
    detectors = [loe(random_state=seed, method=Margin()) for seed in range(3)]
    together = fit_many(detectors, X, rows=rows, known_labels=known)
    for own, one, detector in zip(rows, together, detectors, strict=True):
        alone = detector.fit(X[own], known_labels=known[own])
        np.testing.assert_allclose(one.score_samples(X), alone.score_samples(X), rtol=1e-3)
