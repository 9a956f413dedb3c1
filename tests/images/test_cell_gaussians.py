"""PaDiM's Gaussians under LOE's labels: the descent, and what its closed forms stand for."""

from itertools import combinations

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from lofe_sklearn.images._cell_gaussians import (
    Descent,
    descend,
    fit_cells,
    pooled_covariance,
    top,
)

N, D, PRIOR = 12, 3, 5.0


def some_rows(n=N, seed=0):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, D)) @ rng.normal(size=(D, D))
    rows[: n // 6] += 6.0
    return rows


TARGET = np.diag([1.0, 2.0, 0.5])


def objective(rows, marked, mean, covariance, weight):
    """What is minimised, by its definition; the constant anomaly loss changes no minimum."""
    normal_loss = -multivariate_normal(mean, covariance).logpdf(rows)
    prior = (
        PRIOR
        / 2
        * (np.linalg.slogdet(covariance)[1] + np.trace(np.linalg.solve(covariance, TARGET)))
    )
    return np.where(marked, weight, 1.0) @ normal_loss + prior


def of(fit, rows, marked, weight):
    return objective(rows, marked, fit.mean, fit.root @ fit.root.T, weight)


@pytest.mark.parametrize("weight", [0.0, 0.5])
def test_each_half_step_lowers_the_sum_of_the_losses(weight):
    rows = some_rows(60)
    marked = np.zeros(60, dtype=bool)
    marked[-10:] = True  # as wrong as can be
    sums = []
    for _ in range(6):
        fit = Descent.of(rows, TARGET, marked, weight, PRIOR)
        sums.append(of(fit, rows, marked, weight))
        marked = top(fit.squared_distances(), 10)
        sums.append(of(fit, rows, marked, weight))
    assert (np.diff(sums) <= 1e-9).all()
    assert sums[-1] < sums[0] - 1
    assert marked[:10].all()


def test_the_parameters_are_the_minimum_for_given_labels():
    rows, marked = some_rows(), np.arange(N) < 2
    fit = Descent.of(rows, TARGET, marked, 0.5, PRIOR)
    lowest = of(fit, rows, marked, 0.5)
    rng = np.random.default_rng(1)
    for _ in range(50):
        change = 0.1 * rng.normal(size=(D, D))
        moved = objective(
            rows,
            marked,
            fit.mean + 0.1 * rng.normal(size=D),
            fit.root @ (np.eye(D) + change @ change.T) @ fit.root.T,
            0.5,
        )
        assert moved > lowest


def test_the_labels_are_the_minimum_for_given_parameters():
    """Against all labellings of so many rows."""
    rows = some_rows(8)
    fit = Descent.of(rows, TARGET, np.zeros(8, dtype=bool), 0.5, PRIOR)
    found = of(fit, rows, top(fit.squared_distances(), 3), 0.5)
    for chosen in combinations(range(8), 3):
        assert found <= of(fit, rows, np.isin(np.arange(8), chosen), 0.5) + 1e-12


def test_the_logarithm_of_the_determinant_ranks_as_the_sum_does():
    rows = some_rows(40)
    fits = [descend(rows, TARGET, start, 6, 0.0, PRIOR, 1) for start in (rows[:, 0], -rows[:, 0])]
    sums = [of(fit, rows, fit.marked, 0.0) for fit in fits]
    assert (fits[0].log_det < fits[1].log_det) == (sums[0] < sums[1])
    total = 40 - 6 + PRIOR
    by_formula = [
        (total * (fit.log_det + D) + (40 - 6) * D * np.log(2 * np.pi)) / 2 for fit in fits
    ]
    np.testing.assert_allclose(by_formula, sums)


@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0])
def test_held_out_distances_are_those_of_a_fit_without_the_row(weight):
    rows, marked = some_rows(), np.arange(N) % 4 == 0
    fit = Descent.of(rows, TARGET, marked, weight, PRIOR)
    for i, held_out in enumerate(fit.held_out()):
        others = np.arange(N) != i
        without = Descent.of(rows[others], TARGET, marked[others], weight, PRIOR)
        white = np.linalg.solve(without.root, rows[i] - without.mean)
        np.testing.assert_allclose(held_out, np.linalg.norm(white))


def test_the_pooled_covariance_is_that_within_cells():
    rng = np.random.default_rng(0)
    means = rng.normal(scale=50, size=(1, 400, D))
    patches = (means + rng.normal(size=(20, 400, D)) * [1.0, 2.0, 3.0]).astype(np.float32)
    np.testing.assert_allclose(pooled_covariance(patches), np.diag([1.0, 4.0, 9.0]), atol=0.25)


def test_cells_are_fitted_one_by_one_and_distances_compare():
    rng = np.random.default_rng(0)
    patches = rng.normal(size=(30, 4, D)).astype(np.float32)
    patches[:, 2] *= 20  # in one cell all differ more
    patches[:3, 1] += 30  # in another three pictures have a defect
    fitted = fit_cells(patches, n_marked=3, weight=0.0, prior=1.0, max_iter=10)
    assert fitted.marked.sum(axis=0).tolist() == [3, 3, 3, 3]
    assert fitted.marked[:3, 1].all()
    np.testing.assert_allclose(np.median(fitted.held_out, axis=0), 1.0)
    assert fitted.held_out[:3, 1].min() > 5
    patches[:, 3] = 0.0  # a black background
    fitted = fit_cells(patches, n_marked=3, weight=0.0, prior=1.0, max_iter=10)
    new = fitted.model.distances(np.zeros((4, D), dtype=np.float32))
    assert new.shape == (4,)
    assert (new < 1).all()
    assert 1 < fitted.model.distances(np.ones((4, D), dtype=np.float32))[3] < 50


def test_patches_that_are_all_alike_have_finite_distances():
    fitted = fit_cells(
        np.ones((4, 2, D), np.float32), n_marked=1, weight=0.0, prior=3.0, max_iter=5
    )
    assert np.isfinite(fitted.held_out).all()
    assert np.isfinite(fitted.model.distances(np.full((2, D), 2.0, np.float32))).all()
