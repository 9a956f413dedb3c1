"""What the tests of fit_many share: single fits, and a comparison of everything fitted."""

from functools import partial

import numpy as np
from conftest import FEW_TREES
from sklearn.base import clone

from lofe_sklearn import LOE, DeepSVDD, fit_many
from lofe_sklearn._take_rows import take_rows
from lofe_sklearn._training import _train
from lofe_sklearn.backbones import Backbone

N_ROWS = 103  # no multiple of anything: folds and batches of unequal size


def make_rows():
    """Return clean rows with ten outliers among them."""
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(0, 1, (93, 6)), rng.uniform(-8, 8, (10, 6))])
    return rng.permutation(X)


def make_known():
    """Return labels, of which a few are known."""
    rng = np.random.default_rng(1)
    return rng.choice([-1, 0, 1], size=N_ROWS, p=[0.04, 0.9, 0.06])


def spy_on_stacks(monkeypatch):
    """Return a list that gets the sizes of the stacks that are trained, in turn."""
    sizes, train = [], _train._train_stack

    def spy(tasks, *arguments, **options):
        sizes.append(len(tasks))
        return train(tasks, *arguments, **options)

    monkeypatch.setattr(_train, "_train_stack", spy)
    return sizes


def small_loe(estimator=None, **parameters):
    estimator = DeepSVDD(max_epochs=4, batch_size=32) if estimator is None else estimator
    shared = {"contamination": 0.1, "init": FEW_TREES, "random_state": 0}
    return LOE(estimator, **{**shared, **parameters})


def single_fits(estimators, X, rows=None, known=None):
    rows = [None] * len(estimators) if rows is None else rows
    return [
        clone(estimator).fit(
            X if own is None else take_rows(X, np.asarray(own)),
            known_labels=known if known is None or own is None else known[own],
        )
        for estimator, own in zip(estimators, rows, strict=True)
    ]


def assert_same(fitted, expected, X, tolerance=1e-5):
    """Compare everything that a fit leaves behind."""
    close = partial(np.testing.assert_allclose, rtol=tolerance, atol=tolerance)
    assert type(fitted) is type(expected)
    # `device` and the like: a lone backbone is trained itself, and keeps its parameters.
    assert repr(fitted) == repr(expected)
    assert {n for n in vars(fitted) if n.endswith("_")} == {
        n for n in vars(expected) if n.endswith("_")
    }
    close(fitted.score_samples(X), expected.score_samples(X))
    close(fitted.offset_, expected.offset_)
    close(fitted.loss_history_, expected.loss_history_)
    assert fitted.n_iter_ == expected.n_iter_
    assert fitted.n_features_in_ == expected.n_features_in_
    if isinstance(fitted, Backbone):
        assert fitted.scaling_ == expected.scaling_
        a, b = fitted.history_, expected.history_
        np.testing.assert_array_equal(a.n_iter, b.n_iter)
        np.testing.assert_array_equal(a.labels, b.labels)
        for name in ("objective", "loss_n", "loss_a"):
            close(getattr(a, name), getattr(b, name))
        return
    np.testing.assert_array_equal(fitted.labels_, expected.labels_)
    np.testing.assert_array_equal(fitted.contaminations_, expected.contaminations_)
    close(fitted.contamination_, expected.contamination_)
    close(fitted.contamination_interval_, expected.contamination_interval_)
    for name in ("estimators_samples_", "estimators_features_"):
        for a, b in zip(getattr(fitted, name), getattr(expected, name), strict=True):
            np.testing.assert_array_equal(a, b)
    members = zip(
        fitted.estimators_, expected.estimators_, fitted.estimators_features_, strict=True
    )
    for a, b, features in members:
        assert_same(a, b, X[:, features] if len(features) < X.shape[1] else X, tolerance)


def check(estimators, X, rows=None, known=None, tolerance=1e-5, **options):
    fitted = fit_many(estimators, X, rows=rows, known_labels=known, **options)
    expected = single_fits(estimators, X, rows, known)
    to_score = X.iloc[:50] if hasattr(X, "iloc") else X[:50]
    for one, other in zip(fitted, expected, strict=True):
        assert_same(one, other, to_score, tolerance)
    return fitted
