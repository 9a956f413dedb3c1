"""fit_many: memory, progress, dropout, and what it leaves alone."""

import warnings

import numpy as np
import pytest
from comparing import N_ROWS, assert_same, check, make_rows, small_loe, spy_on_stacks
from sklearn.base import clone
from sklearn.ensemble import IsolationForest
from torch import nn

from lofe_sklearn import AutoEncoder, DeepSVDD, MHRot, fit_many
from lofe_sklearn._prepared_rows import PreparedRows
from lofe_sklearn._progress import _displays
from lofe_sklearn.backbones import Backbone

X = pytest.fixture(make_rows)
stacks = pytest.fixture(spy_on_stacks)


def test_the_estimators_given_are_not_changed(X):
    backbone = DeepSVDD(max_epochs=2, random_state=0, verbose=1)
    loe = small_loe(clone(backbone), init=IsolationForest(random_state=0))
    before = [repr(backbone), repr(loe), dict(vars(backbone)), dict(vars(loe))]
    fitted = fit_many([backbone, loe], X)
    assert [repr(backbone), repr(loe), dict(vars(backbone)), dict(vars(loe))] == before
    assert not hasattr(loe.estimator, "module_")
    assert not hasattr(loe.init, "estimators_")
    # Nor do the clones' parameters change.
    assert fitted[0].get_params() == backbone.get_params()


def test_a_generator_is_copied(X):
    shared = np.random.RandomState(0)
    first, second = fit_many([small_loe(random_state=shared)] * 2, X)
    np.testing.assert_allclose(first.score_samples(X), second.score_samples(X), rtol=1e-5)
    assert shared.randint(1000) == np.random.RandomState(0).randint(1000)


class TestMaxMemory:
    @pytest.fixture
    def estimators(self):
        return [small_loe(random_state=i, n_estimators=2) for i in range(3)]

    def test_splits_stacks_without_changing_results(self, X, estimators, stacks):
        expected = fit_many(estimators, X)
        assert stacks == [6]
        with pytest.raises(ValueError, match="takes about") as error:
            fit_many(estimators, X, max_memory=1)
        needed = float(str(error.value).split("takes about ")[1].split(". ")[0])
        for factor, sizes in ((1.1, [1] * 6), (2.1, [2] * 3), (5.1, [3] * 2), (7, [6])):
            stacks.clear()
            fitted = fit_many(estimators, X, max_memory=factor * needed)
            assert stacks == sizes
            for one, other in zip(fitted, expected, strict=True):
                assert_same(one, other, X)

    def test_too_small_says_how_much_is_needed(self, X, estimators):
        message = (
            r"^fit_many: max_memory=100 bytes does not hold one model: training DeepSVDD on 103 "
            r"rows takes about [\d.]+e\+\d+\. Raise max_memory, or lower batch_size"
        )
        with pytest.raises(ValueError, match=message):
            fit_many(estimators, X, max_memory=100)
        assert all(
            isinstance(e, ValueError)
            for e in fit_many(estimators, X, max_memory=100, return_errors=True)
        )

    def test_only_what_does_not_fit_is_an_error(self, X):
        large = DeepSVDD(max_epochs=1, hidden_sizes=[2000, 2000], random_state=0)
        small = DeepSVDD(max_epochs=1, random_state=0)
        results = fit_many([large, small], X, max_memory=1e7, return_errors=True)
        assert isinstance(results[0], ValueError)
        assert_same(results[1], clone(small).fit(X), X)

    @pytest.mark.parametrize("value", [0, -1, "1GB", True, float("nan")])
    def test_of_no_use(self, X, estimators, value):
        with pytest.raises(ValueError, match=r"fit_many: max_memory must be .*got"):
            fit_many(estimators, X, max_memory=value)


def test_verbose_shows_progress_and_changes_nothing(X, capsys, monkeypatch):
    monkeypatch.setattr(_displays, "FIRST_LINE", 0.0)
    monkeypatch.setattr(_displays, "LONGEST_GAP", 0.0)
    estimators = [small_loe(), small_loe(AutoEncoder(max_epochs=3, verbose=0))]
    silent = fit_many(estimators, X)
    assert capsys.readouterr() == ("", "")
    shown = fit_many(estimators, X, verbose=1)
    lines = capsys.readouterr().err
    assert "DeepSVDD, epoch 4/4" in lines
    assert "AutoEncoder, epoch 3/3" in lines
    for one, other in zip(shown, silent, strict=True):
        assert_same(one, other, X)
    # It is fit_many that is asked, not the estimators.
    fit_many([DeepSVDD(max_epochs=1, verbose=1)], X)
    assert capsys.readouterr() == ("", "")


class DropoutModule(nn.Module):
    def __init__(self, n_features, p):
        super().__init__()
        self.network = nn.Sequential(
            nn.Linear(n_features, 8), nn.ReLU(), nn.Dropout(p), nn.Linear(8, n_features)
        )

    def forward(self, x):
        loss_n = (self.network(x) - x).square().mean(dim=1)
        return loss_n, 1 / (loss_n + 1e-3)


class WithDropout(Backbone):
    """A third-party backbone whose masks are drawn as it is trained."""

    def __init__(self, *, p=0.5, **shared):
        self.p = p
        super().__init__(**shared)

    def build_module(self, n_features):
        return DropoutModule(n_features, self.p)


class TestDropout:
    @pytest.mark.parametrize(
        "backbone",
        [
            WithDropout(max_epochs=4, batch_size=32),
            pytest.param(
                MHRot(depth=10, width=1, n_views=1, dropout=0.3, max_epochs=3),
                marks=pytest.mark.slow,
            ),
        ],
        ids=lambda e: type(e).__name__,
    )
    def test_masks_do_not_depend_on_what_else_is_trained(self, X, backbone):
        X = X[:, :4]
        estimators = [small_loe(backbone, n_estimators=2, random_state=i) for i in range(3)]
        estimators.append(clone(backbone).set_params(random_state=7))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            check(estimators, X, tolerance=1e-4)
            check(estimators, X, max_memory=1e9, n_jobs=2, tolerance=1e-4)

    def test_a_member_is_the_model_trained_alone(self, X):
        backbone = WithDropout(max_epochs=4, batch_size=32)
        together = small_loe(backbone, n_estimators=3, init=None)
        for member in together.fit(X).estimators_:
            alone = small_loe(clone(member), init=None, random_state=member.random_state).fit(X)
            np.testing.assert_allclose(member.score_samples(X), alone.score_samples(X), rtol=1e-5)

    def test_it_is_dropped_out_at_all(self, X):
        with_dropout, without = (
            WithDropout(p=p, max_epochs=4, random_state=0).fit(X).score_samples(X) for p in (0.5, 0)
        )
        assert not np.allclose(with_dropout, without, rtol=1e-3)


def test_detectors_of_equal_rows_share_one_copy_of_them(X, monkeypatch):
    take, taken = PreparedRows.take, []

    def counted(self, rows=None):
        taken.append(rows)
        return take(self, rows)

    monkeypatch.setattr(PreparedRows, "take", counted)
    even, odd = np.arange(0, N_ROWS, 2), np.arange(1, N_ROWS, 2)
    rows = [even, odd, even.copy(), odd, np.arange(N_ROWS), even]
    ratios = [0.05, 0.05, 0.1, 0.1, 0.1, 0.2]
    detectors = [DeepSVDD(max_epochs=2, contamination=ratio, random_state=0) for ratio in ratios]
    fitted = fit_many(detectors, X, rows=rows)
    assert len(taken) == 3
    for detector, own, each in zip(detectors, rows, fitted, strict=True):
        alone = clone(detector).fit(X[own])
        np.testing.assert_allclose(each.score_samples(X), alone.score_samples(X), rtol=1e-4)
        np.testing.assert_allclose(each.offset_, alone.offset_, rtol=1e-4)
