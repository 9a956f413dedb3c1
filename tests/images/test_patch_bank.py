"""Banks of patches: distances, neighbourhoods, labels of pictures, coresets."""

import numpy as np
import pytest

from lofe_sklearn.images._patch_bank import coreset, fit_bank


def some_patches(n=10, grid=3, d=4, seed=0):
    return np.random.default_rng(seed).normal(size=(n, grid**2, d)).astype(np.float32)


def fit(patches, **options):
    defaults = {"grid_size": 3, "radius": None, "n_marked": 0, "weight": 1.0}
    defaults["pictures"] = np.arange(len(patches))
    fitted = fit_bank(patches, **{**defaults, "bank_size": 10_000, "max_iter": 10, **options})
    return fitted.model, fitted.held_out, fitted.marked


def nearest(patch, others):
    return np.linalg.norm(others.reshape(-1, others.shape[-1]) - patch, axis=1).min()


def test_distances_are_to_the_nearest_patch_of_another_picture():
    patches = some_patches()
    bank, held_out, _ = fit(patches)
    others = np.delete(patches, 2, axis=0)
    expected = [nearest(patch, others) for patch in patches[2]]
    np.testing.assert_allclose(held_out[2], expected, rtol=1e-5)
    new = some_patches(1, seed=1)[0]
    expected = [nearest(patch, patches) for patch in new]
    np.testing.assert_allclose(bank.distances(new), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("radius", "corner", "centre"), [(0, [0], [4]), (1, [0, 1, 3, 4], list(range(9)))]
)
def test_a_radius_says_which_cells_are_compared(radius, corner, centre):
    patches = some_patches()
    new = some_patches(1, seed=1)[0]
    distances = fit(patches, radius=radius)[0].distances(new)
    np.testing.assert_allclose(distances[0], nearest(new[0], patches[:, corner]), rtol=1e-5)
    np.testing.assert_allclose(distances[4], nearest(new[4], patches[:, centre]), rtol=1e-5)


@pytest.mark.parametrize(("weight", "factor"), [(0.0, np.inf), (0.5, 2.0), (1.0, 1.0)])
def test_what_patches_of_a_marked_picture_count(weight, factor):
    """Pictures 0 and 1 have the same defect, so that blind they are normal to each other."""
    patches = some_patches()
    patches[:2, 4] = 20.0
    patches[1, 4, 0] += 0.5
    bank, held_out, marked = fit(patches, n_marked=2, weight=weight)
    if weight < 1:
        assert np.flatnonzero(marked).tolist() == [0, 1]
    from_normal = nearest(patches[0, 4], patches[2:])
    np.testing.assert_allclose(held_out[0, 4], min(0.5 * factor, from_normal), rtol=1e-3)
    assert set(bank.pictures) == (set(range(2, 10)) if weight == 0 else set(range(10)))


def test_a_bank_is_of_bounded_size_and_of_all_cells():
    patches = some_patches(50)
    bank, held_out, _ = fit(patches, bank_size=90)
    assert len(bank.patches) == 90
    assert np.bincount(bank.cells).tolist() == [10] * 9
    assert np.isfinite(held_out).all()
    smallest, held_out, _ = fit(patches, bank_size=1, radius=0)
    assert len(smallest.patches) == 18  # two of each cell, so that no patch is its own neighbour
    assert (held_out > 0).all()


def test_a_coreset_leaves_no_row_far_from_it():
    rows = np.concatenate([np.zeros((90, 2)), np.eye(2) * 9, [[5, 5]]]).astype(np.float32)
    chosen = coreset(rows, 4)
    assert chosen.tolist() == [*chosen[:1], 90, 91, 92]
    assert chosen[0] < 90
    assert coreset(rows[:3], 4).tolist() == [0, 1, 2]


def test_a_coreset_of_equal_rows_holds_different_ones():
    assert coreset(np.zeros((9, 2), dtype=np.float32), 4).tolist() == [0, 1, 2, 3]
    rows = np.array([[0], [1], [0], [0]], dtype=np.float32)
    assert len(set(coreset(rows, 3).tolist())) == 3


@pytest.mark.parametrize("radius", [0, 1])
def test_a_background_that_is_the_same_in_all_pictures(radius):
    """The first picture alone was kept there, and was infinitely far from all others."""
    patches = some_patches(20)
    patches[:, [0, 1, 3]] = 0.0
    _, held_out, _ = fit(patches, bank_size=45, radius=radius)
    assert np.isfinite(held_out).all()
    assert (held_out[:, 0] == 0).all()


@pytest.mark.parametrize("n_marked", [0, 3])
def test_copies_of_a_picture_do_not_make_it_normal(n_marked):
    patches = some_patches()
    options = {"n_marked": n_marked, "weight": 0.0 if n_marked else 1.0}
    _, expected, marked = fit(patches, **options)
    twice, pictures = np.concatenate([patches, patches]), np.tile(np.arange(10), 2)
    options["n_marked"] *= 2
    _, held_out, marked_twice = fit(twice, pictures=pictures, **options)
    np.testing.assert_allclose(held_out, np.concatenate([expected, expected]), rtol=1e-4)
    np.testing.assert_array_equal(marked_twice, np.concatenate([marked, marked]))
    same = np.repeat(patches[:1], 5, axis=0)
    assert (fit(same, pictures=np.zeros(5, dtype=int))[1] == 0).all()
