"""fit_shard: rows that are spread over processes are trained on as if they were in one."""

import numpy as np
import pandas as pd
import pytest
from conftest import BACKBONES, FEW_TREES, SMALL, TELLING, slow_but
from processes import in_processes
from sklearn.base import clone

from lofe_sklearn import ICL, LOE, AutoEncoder, DeepSVDD, MHRot, NeuTraL
from lofe_sklearn.backbones import MLP, Backbone
from lofe_sklearn.distributed import fit_shard
from lofe_sklearn.engine import _sketch
from lofe_sklearn.rules import AAR

RNG = np.random.default_rng(0)
X = RNG.normal(size=(303, 6))
X[:20] += 4.0
IMAGES = RNG.random((40, 36))
KNOWN = np.zeros(len(X), dtype=int)
KNOWN[:5], KNOWN[100:105] = -1, 1
# Of very different sizes, so that one process often has few rows of a batch.
PARTS = [slice(0, 60), slice(60, 303)]


def assert_same(fitted, expected, rows):
    """As two stacks are: to 1e-5 for a few epochs."""
    scale = np.ptp(expected.score_samples(rows))
    kind = {"rtol": 0.0, "atol": 1e-5 * scale}
    np.testing.assert_allclose(fitted.score_samples(rows), expected.score_samples(rows), **kind)
    np.testing.assert_allclose(fitted.offset_, expected.offset_, **kind)
    np.testing.assert_array_equal(fitted.predict(rows), expected.predict(rows))


def check(detector, rows=X, parts=PARTS, known=None, outliers=None):
    """Fit in processes; return what the first has, after a comparison with one process."""

    def work(ranks):
        own = parts[ranks.rank]
        labels = {}
        if known is not None and known[own].any():  # else it knows nothing, and says nothing
            labels = {"known_anomalies": known[own] == -1, "known_normal": known[own] == 1}
        return fit_shard(detector, rows[own], outliers=outliers, **labels)

    expected = clone(detector).fit(rows, known_labels=known, outliers=outliers)
    results = in_processes(work, len(parts))
    for result in results:
        if isinstance(result, Exception):
            raise result
    first, *others = results
    assert_same(first, expected, rows)
    for other in others:  # to the last bit
        np.testing.assert_array_equal(other.score_samples(rows), first.score_samples(rows))
        assert other.offset_ == first.offset_
    if isinstance(detector, LOE):
        np.testing.assert_array_equal(first.labels_, expected.labels_)
        np.testing.assert_allclose(first.contamination_, expected.contamination_)
        np.testing.assert_allclose(first.loss_history_, expected.loss_history_, rtol=1e-4)
    return first


@pytest.mark.parametrize("backbone", slow_but([*TELLING, MHRot], BACKBONES))
def test_every_backbone(backbone):
    settings = {**SMALL.get(backbone, {}), "max_epochs": 2, "random_state": 0}
    if backbone is MHRot:
        check(MHRot(**settings), IMAGES, [slice(0, 15), slice(15, 40)])
    else:
        check(backbone(**settings))


@pytest.mark.parametrize(
    ("method", "label_update"),
    [("hard", "batch"), ("hard", "epoch"), ("soft", "epoch"), ("refine", "batch")],
)
def test_labels_are_global(method, label_update):
    detector = LOE(
        DeepSVDD(max_epochs=3),
        method=method,
        contamination=0.07,
        label_update=label_update,
        warmup_epochs=1,
        init=None,
        random_state=1,
    )
    check(detector)


def test_members_evidence_and_first_labels():
    detector = LOE([DeepSVDD(max_epochs=4), AutoEncoder(max_epochs=4)], n_estimators=4)
    detector.set_params(random_state=0, verbose=0)
    fitted = check(detector)
    assert list(fitted.evidence_) == ["iforest", "knn", "mcd", "lof"]


@pytest.mark.parametrize(
    "scaling",
    slow_but(
        ["rms", "minmax", "winsorized"], ["rms", "minmax", "standard", "winsorized", "auto", None]
    ),
)
def test_scalings(scaling):
    rows = X * [1.0, 10.0, 1e-150, 100.0, 1.0, 0.0] + 3.0
    if scaling == "winsorized":
        rows[7, 1] = 1e6
    check(DeepSVDD(max_epochs=2, scaling=scaling, random_state=0), rows)


def test_sums_of_features(monkeypatch):
    monkeypatch.setattr(_sketch, "MOST_SUMS", 4)
    fitted = check(AutoEncoder(max_epochs=2, scaling="sketched", random_state=0))
    assert fitted._scaling[4].max() == 2


@pytest.mark.parametrize(
    "detector",
    [
        LOE(NeuTraL(max_epochs=3), method=AAR(), init=FEW_TREES, contamination=0.1),
        AutoEncoder(max_epochs=9, n_iter_no_change=2, tol=0.05),
        DeepSVDD(max_epochs=3, gradient_clip_value=0.01, batch_size=16),
        ICL(max_epochs=2, windows_per_step=2),
    ],
    ids=["rule", "early-stopping", "clipped", "windows-in-turn"],
)
def test_what_a_step_depends_on(detector):
    check(detector.set_params(random_state=0))


def test_known_labels_and_outliers():
    """Only the first process knows anomalies; both are exposed to the same outliers."""
    detector = LOE(DeepSVDD(max_epochs=3), contamination=0.1, random_state=0, init=FEW_TREES)
    check(detector, known=KNOWN, outliers=RNG.normal(3.0, 1.0, size=(30, 6)))
    check(DeepSVDD(max_epochs=2, random_state=0), outliers="uniform")


def test_three_processes_and_few_rows_a_batch():
    parts = [slice(0, 2), slice(2, 9), slice(9, 303)]
    check(LOE(DeepSVDD(max_epochs=1, batch_size=8), contamination=0.1, random_state=0), X, parts)


def test_precisions_are_brought_together():
    def work(ranks):
        own = X[PARTS[ranks.rank]]
        return fit_shard(
            DeepSVDD(max_epochs=2, random_state=0), own.astype(f"f{4 + 4 * ranks.rank}")
        )

    rows = X.copy()
    rows[PARTS[0]] = X[PARTS[0]].astype(np.float32)
    first, second = in_processes(work)
    assert_same(first, DeepSVDD(max_epochs=2, random_state=0).fit(rows), rows)
    np.testing.assert_array_equal(first.score_samples(X), second.score_samples(X))


def test_rows_of_a_dask_frame():
    dask = pytest.importorskip("dask.dataframe", reason="needs dask")
    config = pytest.importorskip("dask.config", reason="needs dask")
    frame = pd.DataFrame(X, columns=list("abcdef"))
    detector = DeepSVDD(max_epochs=1, random_state=0)

    def work(ranks):
        own = frame[PARTS[ranks.rank]]
        with config.set(scheduler="synchronous"):  # a fork has none of its threads
            return fit_shard(detector, dask.from_pandas(own, npartitions=2))

    first, _ = in_processes(work)
    assert_same(first, clone(detector).fit(frame), frame)


def test_a_seed_for_all():
    """The first process draws one where none is given."""
    detector = LOE(DeepSVDD(max_epochs=1), contamination=0.1, init=None)
    first, second = in_processes(lambda ranks: fit_shard(detector, X[PARTS[ranks.rank]]))
    np.testing.assert_array_equal(first.score_samples(X), second.score_samples(X))
    assert isinstance(first.random_state, int)


def test_a_sample_stands_for_many_rows(monkeypatch):
    """Other detectors are fitted to a sample, and score all rows."""
    monkeypatch.setattr("lofe_sklearn._training._spread_rows._MOST_ROWS", 200)
    detector = LOE(DeepSVDD(max_epochs=4), contamination=0.07, n_estimators=2, random_state=0)
    first, second = in_processes(lambda ranks: fit_shard(detector, X[PARTS[ranks.rank]]))
    np.testing.assert_array_equal(first.score_samples(X), second.score_samples(X))
    assert len(first._ensemble.evidence.training[0]) == len(X)
    assert (first.labels_[:20] == -1).all()
    expected = detector.fit(X)
    assert np.corrcoef(first.score_samples(X), expected.score_samples(X))[0, 1] > 0.99


class WithDropout(Backbone):
    def build_module(self, n_features):
        import torch

        class Module(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.layers = torch.nn.Sequential(torch.nn.Dropout(0.5), MLP([n_features, 4]))

            def forward(self, x):
                loss = self.layers(x).square().mean(dim=1)
                return loss, 1.0 / (1.0 + loss)

        return Module()


def test_dropout_draws_masks_in_each_process():
    detector = WithDropout(max_epochs=2, random_state=0)
    first, second = in_processes(
        lambda ranks: fit_shard(detector, X[PARTS[ranks.rank]]).loss_history_
    )
    np.testing.assert_array_equal(first, second)
