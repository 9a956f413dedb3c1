"""pixel_roc_auc: the figure itself, the forms of masks, and masks that do not fit."""

import numpy as np
import pandas as pd
import pytest
import torch
from parts import encoded, write_folder
from PIL import Image
from sklearn.metrics import roc_auc_score

from lofe_sklearn.features import BrokenImage
from lofe_sklearn.images import pixel_roc_auc


def some(seed=0):
    rng = np.random.default_rng(seed)
    heat = rng.integers(0, 20, (3, 5, 4)).astype(np.float32)  # with ties
    masks = rng.random((3, 5, 4)) < 0.3
    masks[1] = False
    return heat, masks


def test_it_is_the_area_under_the_curve_of_all_pixels():
    heat, masks = some()
    expected = roc_auc_score(masks.ravel(), heat.ravel())
    assert pixel_roc_auc(heat, masks) == pytest.approx(expected)


def test_forms_of_masks(tmp_path):
    heat, masks = some()
    expected = pixel_roc_auc(heat, masks)
    white = np.where(masks, 255, 0).astype(np.uint8)
    folder = write_folder(tmp_path / "masks", white)
    colours = np.repeat(white[..., None], 3, axis=3)
    opaque = np.concatenate([colours, np.full_like(colours[..., :1], 255)], axis=3)
    for form in (
        white,
        masks.astype(np.int64),
        masks.astype(float),
        [white[0], None, white[2]],
        [encoded(mask) for mask in white],
        folder,
        sorted(folder.iterdir()),
        list(colours),
        list(opaque),
        [encoded(mask) for mask in opaque],
        # As torch's data sets have them: whole numbers of 64 bits, with an axis for one channel.
        torch.tensor(masks),
        torch.tensor(masks)[:, None],
        [torch.tensor(mask).long() for mask in masks],
        [torch.tensor(mask).float()[None] for mask in masks],
        masks.astype(int).tolist(),
        pd.Series(list(white), index=[7, 8, 9]),
        [Image.fromarray(mask) for mask in white],
    ):
        assert pixel_roc_auc(heat, form) == expected


def test_a_mask_of_another_size_is_named(tmp_path):
    heat, masks = some()
    white = np.where(masks, 255, 0).astype(np.uint8)
    folder = write_folder(tmp_path / "masks", white)
    (folder / "001.png").write_bytes(encoded(white[1].T.copy()))
    with pytest.raises(ValueError, match=r"\(5, 4\); .*001\.png has \(4, 5\).*size=\(4, 5\)"):
        pixel_roc_auc(heat, folder)
    with pytest.raises(ValueError, match=r"mask 2 has \(3, 3\)"):
        pixel_roc_auc(heat, [white[0], None, white[2][:3, :3]])


@pytest.mark.parametrize(
    ("masks", "message"),
    [
        (np.ones((2, 5, 4)), "one mask for each of the 3 heat maps.*got 2"),
        (None, "one mask for each of the 3 heat maps.*got NoneType"),
        (np.ones((5, 4)), r"each of the 3 heat maps; got a single one .*\(5, 4\). Pass \[mask\]"),
        (np.zeros((3, 5, 4)), "no pixel is marked"),
        (np.ones((3, 5, 4)), "every pixel is marked"),
    ],
)
def test_masks_that_do_not_fit(masks, message):
    with pytest.raises(ValueError, match=message):
        pixel_roc_auc(some()[0], masks)


def test_a_single_map_or_mask_says_how_to_pass_it():
    heat, masks = some()
    with pytest.raises(ValueError, match="each of the 1 heat maps; got a single one"):
        pixel_roc_auc(heat[:1], masks[0])
    with pytest.raises(ValueError, match="of shape .5, 4.*pass a single map in a list"):
        pixel_roc_auc(heat[0], masks[0])
    assert pixel_roc_auc([heat[0]], [masks[0]]) == pixel_roc_auc(heat[:1], masks[:1])


def test_a_mask_that_cannot_be_read():
    heat, masks = some()
    with pytest.raises(BrokenImage, match="^mask 1: these bytes are no image"):
        pixel_roc_auc(heat, [masks[0], b"no picture", masks[2]])


@pytest.mark.parametrize("heat", [np.zeros((5, 4)), np.zeros((0, 5, 4)), np.array([[["a"]]])])
def test_heat_maps_that_are_none(heat):
    with pytest.raises(ValueError, match="heat_maps must be an array of numbers"):
        pixel_roc_auc(heat, [None])


def test_heat_maps_that_are_not_finite():
    heat, masks = some()
    heat[0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="heat_maps must be finite"):
        pixel_roc_auc(heat, masks)


def test_heat_maps_of_several_sizes():
    heat, masks = some()
    with pytest.raises(ValueError, match="pixel_roc_auc: heat_maps must be of one size"):
        pixel_roc_auc([heat[0], heat[1][:3], heat[2]], masks)
