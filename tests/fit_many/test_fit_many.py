"""What fit_many fits is what single fits give, whatever the mix."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from comparing import (
    N_ROWS,
    assert_same,
    check,
    make_known,
    make_rows,
    single_fits,
    small_loe,
    spy_on_stacks,
)
from conftest import FEW_TREES, few_backbones, slow_but
from scipy import sparse
from sklearn.base import clone
from sklearn.model_selection import KFold
from sklearn.neighbors import LocalOutlierFactor

from lofe_sklearn import DTE, ICL, LOE, AutoEncoder, DeepSVDD, MHRot, NeuTraL, fit_many

X = pytest.fixture(make_rows)
known = pytest.fixture(make_known)
stacks = pytest.fixture(spy_on_stacks)


class TestEqualsSingleFits:
    @pytest.fixture
    def tolerance(self, backbone_class):
        # See tests/backbones/test_backbones.py.
        return 1e-3 if backbone_class.__name__ == "MHRot" else 1e-5

    @few_backbones
    @pytest.mark.filterwarnings("ignore:.*the known labels name:UserWarning")  # the ratio is raised
    def test_whatever_models_of_one_stack_may_differ_in(
        self, backbone_class, X, known, tolerance, stacks
    ):
        def backbone(**parameters):
            return backbone_class(**{"max_epochs": 3, **parameters}).set_params(batch_size=32)

        estimators = [
            small_loe(backbone(), method="soft", contamination=0.05, init=None, warmup_epochs=1),
            small_loe(backbone(lr=3e-3), method="hard", contamination=0.2, init="iforest"),
            small_loe(backbone(max_epochs=4), method="refine", random_state=3, warmup_epochs=2),
            small_loe(backbone(), method="blind", label_update="epoch", random_state=4),
            small_loe(backbone(weight_decay=0.1), label_update="epoch", warmup_epochs=0),
            small_loe(backbone(), label_update="batch", contamination=0.01, warmup_epochs=0),
            backbone(random_state=5, contamination=0.3, max_epochs=2),
        ]
        folds = [train for train, _ in KFold(3, shuffle=True, random_state=0).split(X)]
        rows = [folds[i % 3] for i in range(len(estimators))]
        assert len({len(fold) for fold in folds}) > 1
        check(estimators, X, rows, known, tolerance)
        assert stacks[0] == len(estimators)  # all in one, then those of the single fits

    @few_backbones
    def test_gradient_clipping_and_early_stopping(self, backbone_class, X, tolerance, stacks):
        shared = {"max_epochs": 5, "gradient_clip_value": 0.1, "n_iter_no_change": 1, "tol": 0.03}
        estimators = [
            small_loe(
                backbone_class(lr=lr, **shared).set_params(batch_size=32), random_state=i, init=None
            )
            for i, lr in enumerate((2e-4, 2e-4, 1e-7))
        ]
        rows = [np.arange(70), np.arange(30, 103), np.arange(103)[::-1][:68]]
        fitted = check(estimators, X, rows, tolerance=tolerance)
        assert stacks[0] == 3  # all in one
        # What does not learn stops after the warm-up and two epochs.
        assert fitted[2].n_iter_ < 5


def test_folds_of_different_numbers_of_batches(X, known, stacks):
    rows = [np.arange(n) for n in (20, 33, 40, 64, 65, 103)]
    estimators = [small_loe(random_state=i) for i in range(6)]
    check(estimators, X, rows, known)
    assert sorted(stacks[:4]) == [1, 1, 1, 3]  # of one, two (three times), three and four batches


@pytest.mark.parametrize("outliers", ["array", "uniform"])
@pytest.mark.parametrize("backbone_class", [DeepSVDD, DTE])  # DTE trains with noise of each row
def test_outliers_beside_folds_of_unequal_size(backbone_class, outliers, X, known, stacks):
    outliers = X[:17] * 3 if outliers == "array" else outliers
    rows = [train for train, _ in KFold(3, shuffle=True, random_state=0).split(X)]
    assert len({len(fold) for fold in rows}) > 1
    for labels in (None, known):
        stacks.clear()
        backbones = [backbone_class(max_epochs=3, random_state=i) for i in range(3)]
        fitted = fit_many(backbones, X, rows=rows, known_labels=labels, outliers=outliers)
        assert stacks == [3]
        expected = [
            clone(backbone).fit(
                X[own], known_labels=None if labels is None else labels[own], outliers=outliers
            )
            for backbone, own in zip(backbones, rows, strict=True)
        ]
        for one, other in zip(fitted, expected, strict=True):
            assert_same(one, other, X)


def test_features_are_scaled_by_each_folds_own_rows(X):
    X = X * [1, 10, 100, 1e3, 1e4, 1e5] + 7.0
    X[3, 2] = 1e9
    rows = [train for train, _ in KFold(3).split(X)]
    for scaling in ("minmax", "standard", "winsorized", "rms", "auto", None):
        backbone = AutoEncoder(max_epochs=2, batch_size=64, scaling=scaling, random_state=0)
        check([*[small_loe(backbone, random_state=i) for i in range(2)], backbone], X, rows)


def test_scaling_that_each_fold_resolves_by_itself(X):
    X = np.concatenate([np.abs(X[:50]), X[50:]])  # "rms" for the one, "minmax" for the other
    rows = [np.arange(50), np.arange(50, 103)]
    estimators = [ICL(max_epochs=2, scaling="auto", random_state=0)] * 2
    fitted = check(estimators, X, rows)
    assert [one.scaling_ for one in fitted] == ["rms", "minmax"]


@pytest.mark.parametrize("with_known", slow_but([True], [False, True]))
def test_a_ratio_found_by_each_detector(X, known, with_known):
    backbone = DeepSVDD(max_epochs=2, batch_size=64)
    auto = partial(LOE, contamination="auto", n_estimators=2, init=FEW_TREES, warmup_epochs=1)
    estimators = [
        auto(backbone, random_state=0),
        auto(backbone, method="soft", random_state=1),
        auto([backbone, AutoEncoder(max_epochs=2)], random_state=2),
        auto(backbone, random_state=3).set_params(contamination=lambda scores: 0.2, init="auto"),
        small_loe(backbone, warmup_epochs=1),
    ]
    folds = [train for train, _ in KFold(5).split(X)]
    check(estimators, X, folds, known if with_known else None)


@pytest.mark.parametrize(
    "container",
    slow_but([np.asarray, sparse.csc_array], [np.asarray, sparse.csr_matrix, sparse.csc_array]),
)
def test_members_that_see_some_rows_and_features(X, known, container):
    X = container(X)
    estimators = [
        small_loe(n_estimators=3, max_samples=0.7),
        small_loe(n_estimators=2, max_samples=50, max_features=3, random_state=1),
        small_loe(n_estimators=2, max_features=0.5, random_state=2),
        small_loe(init=None),
    ]
    rows = [np.arange(103), np.arange(5, 75), np.arange(100), np.arange(1, 103)]
    check(estimators, sparse.csr_matrix(X) if sparse.issparse(X) else X, rows, known)
    fit_many(estimators, X, rows=rows)  # of another sparse format, too


def test_lone_backbones_beside_loe_and_of_other_shapes(X, stacks):
    estimators = [
        DeepSVDD(max_epochs=2, random_state=0),
        small_loe(NeuTraL(max_epochs=2, n_transforms=3)),
        DeepSVDD(max_epochs=3, random_state=1, contamination=0.2),
        small_loe(DeepSVDD(max_epochs=4)),
        DeepSVDD(max_epochs=3, hidden_sizes=[4], random_state=1),
        small_loe(DeepSVDD(max_epochs=4, hidden_sizes=[4]), method="soft"),
        small_loe(NeuTraL(max_epochs=2, n_transforms=4)),
        small_loe([AutoEncoder(max_epochs=2), DeepSVDD(max_epochs=2)], n_estimators=3),
    ]
    check(estimators, X)
    assert sum(stacks[: stacks.index(3) + 1]) >= 3
    fitted = fit_many(estimators, X)
    assert [type(one) for one in fitted] == [type(one) for one in estimators]


def test_data_frames_keep_their_names(X):
    X = pd.DataFrame(X, columns=list("abcdef"), index=np.arange(N_ROWS)[::-1])
    rows = [train for train, _ in KFold(2).split(X)]
    for one in check([small_loe(), DeepSVDD(max_epochs=2, random_state=0)], X, rows):
        np.testing.assert_array_equal(one.feature_names_in_, list("abcdef"))


def test_float32_and_lists(X):
    rows = [np.arange(60), np.arange(43, 103)]
    check([small_loe(), small_loe(random_state=1)], X.astype(np.float32), rows)
    fitted = fit_many([small_loe(), small_loe(random_state=1)], X.tolist(), rows=rows)
    for one, other in zip(fitted, single_fits([small_loe()] * 1, X, rows[:1]), strict=False):
        assert_same(one, other, X)


@pytest.mark.parametrize("shape", [pytest.param((40, 6, 6), marks=pytest.mark.slow), (40, 2, 6, 6)])
def test_images(shape, recwarn):
    X = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    backbone = MHRot(depth=10, width=1, n_views=2, max_epochs=2)
    estimators = [
        small_loe(backbone),
        small_loe(backbone, random_state=1, method="soft", warmup_epochs=1),
        clone(backbone).set_params(random_state=2),
    ]
    rows = [np.arange(30), np.arange(9, 40), np.arange(10, 40)]
    fitted = fit_many(estimators, X, rows=rows)
    for one, other in zip(fitted, single_fits(estimators, X, rows), strict=True):
        assert_same(one, other, X, tolerance=1e-3)
    assert not [w for w in recwarn if "vmap" in str(w.message)]


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint8, np.uint64])
def test_rows_of_any_integer_type(X, dtype):
    rows = [np.arange(60).astype(dtype), np.arange(43, 103).astype(dtype)]
    check([small_loe(), DeepSVDD(max_epochs=2, random_state=0)], X, rows)
    check([small_loe(n_estimators=2)], X, [rows[0].tolist()])


def test_rows_more_than_once_and_in_any_order(X, known):
    rng = np.random.default_rng(0)
    rows = [rng.integers(0, N_ROWS, 90), rng.permutation(N_ROWS), rng.permutation(N_ROWS)[:80]]
    check([small_loe(random_state=i, init="auto") for i in range(3)], X, rows, known)


def test_known_labels_of_which_a_fold_has_none(X):
    """A method of the user's own is told that there are none, as in a single fit."""
    known = np.zeros(N_ROWS, dtype=int)
    known[:5] = -1
    seen = []

    def method(loss_n, loss_a, alpha, known):
        seen.append(known is None)
        w_a = torch.full_like(loss_a, 0.0 if known is None else 1.0)
        return 1 - w_a, w_a

    rows = [np.arange(50), np.arange(50, 103)]
    estimators = [small_loe(method=method, init=None, random_state=i) for i in range(2)]
    fitted = check(estimators, X, rows, known)
    assert True in seen
    assert False in seen
    assert (fitted[0].labels_ == -1).all()
    assert (fitted[1].labels_ == 1).all()


class TestFirstLabels:
    def test_a_detector_is_fitted_to_each_folds_rows(self, X):
        rows = [train for train, _ in KFold(3).split(X)]
        init = LocalOutlierFactor(n_neighbors=7)
        estimators = [
            small_loe(init=init, warmup_epochs=2, contamination=ratio) for ratio in (0.05, 0.1, 0.2)
        ]
        for one, own in zip(check(estimators, X, rows), rows, strict=True):
            factor = LocalOutlierFactor(n_neighbors=7).fit(X[own]).negative_outlier_factor_
            n_marked = round(one.contamination * len(own))
            expected = np.argsort(factor, kind="stable")[:n_marked]
            np.testing.assert_array_equal(
                np.flatnonzero(one.estimator_.history_.labels[0, 0]), np.sort(expected)
            )
        assert not hasattr(init, "negative_outlier_factor_")

    def test_scores_of_all_rows_do_not_fit_a_fold(self, X):
        scores = X.sum(axis=1)
        results = fit_many(
            [small_loe(init=scores), small_loe(init=scores), small_loe(init=scores[:60])],
            X,
            rows=[np.arange(60), np.arange(103), np.arange(60)],
            return_errors=True,
        )
        assert isinstance(results[0], ValueError)
        assert "one score for each training row, shape (60,); got shape (103,)" in str(results[0])
        assert "pass a detector, which is fitted to each fold's rows" in str(results[0])
        for one, n in zip(results[1:], (103, 60), strict=True):
            assert_same(one, clone(one).fit(X[:n]), X)


class _Counted(DeepSVDD):
    """A backbone that counts how often its parameters are read."""

    n_read = 0

    def get_params(self, deep=True):
        type(self).n_read += 1
        return super().get_params(deep)


def test_parameters_are_not_read_for_each_pair(X, monkeypatch):
    n_read = []
    for n_detectors in (6, 12):
        monkeypatch.setattr(_Counted, "n_read", 0)
        sizes = [[2 + i] for i in range(n_detectors)]
        detectors = [
            _Counted(hidden_sizes=own, max_epochs=1, batch_size=200, random_state=0)
            for own in sizes
        ]
        fitted = fit_many(detectors, X)
        assert [each.hidden_sizes for each in fitted] == sizes
        n_read.append(_Counted.n_read)
    assert n_read[1] == 2 * n_read[0]
