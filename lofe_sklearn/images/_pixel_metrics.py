"""How well heat maps show where defects are."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from lofe_sklearn._containers import check_plain_values
from lofe_sklearn._types import FilePath
from lofe_sklearn._validation import check_finite
from lofe_sklearn.features._decode import BrokenImage
from lofe_sklearn.features._folders import files_of
from lofe_sklearn.features._sources import Images

_OWNER = "pixel_roc_auc"


def pixel_roc_auc(heat_maps: ArrayLike, masks: Sequence[Any] | NDArray[Any] | FilePath) -> float:
    """Area under the ROC curve of single pixels: how well heat maps tell defects from the rest.

    Parameters
    ----------
    heat_maps : array-like of shape (n, height, width)
        High where a picture is anomalous, as `PatchDetector.heatmap` gives them.
    masks : array of shape (n, height, width), list or path
        Masks of the defects: pixels above 0 are defective. Pass an array, a list of arrays, file
        names, encoded bytes or Pillow images, with None for a picture without defect, or a folder
        of files, sorted by name, one for each heat map.

    Returns
    -------
    roc_auc : float
        Of all pixels of all pictures together, as usual for MVTec AD; 0.5 is chance.

    Raises
    ------
    BrokenImage
        If a mask cannot be read.
    ValueError
        If there is not one mask for each heat map, one has another size (the message names its
        file), or all pixels are of one kind.

    See Also
    --------
    lofe_sklearn.metrics.roc_auc : Of whole pictures.

    References
    ----------
    .. [1] P. Bergmann, M. Fauser, D. Sattlegger, C. Steger (2019). MVTec AD: A Comprehensive
       Real-World Dataset for Unsupervised Anomaly Detection. CVPR.

    Examples
    --------
    >>> import numpy as np
    >>> from lofe_sklearn.images import pixel_roc_auc
    >>> heat_maps = np.array([[[0.1, 0.9], [0.2, 0.3]], [[0.1, 0.2], [0.1, 0.1]]])
    >>> mask = np.array([[0, 255], [0, 0]], dtype=np.uint8)
    >>> pixel_roc_auc(heat_maps, [mask, None])
    1.0
    """
    check_plain_values(heat_maps, "heat_maps", _OWNER)
    try:
        maps = np.asarray(heat_maps)
    except ValueError as error:
        raise ValueError(
            f"{_OWNER}: heat_maps must be of one size; got maps of several. "
            "PatchDetector.heatmap(X, size=(height, width)) gives maps of one size."
        ) from error
    if maps.ndim != 3 or maps.dtype.kind not in "fiu" or maps.size == 0:
        raise ValueError(
            f"{_OWNER}: heat_maps must be an array of numbers (n, height, width), not empty; got "
            f"{maps.dtype} of shape {maps.shape}. PatchDetector.heatmap(X) gives one; pass a "
            "single map in a list."
        )
    check_finite(maps.ravel(), f"{_OWNER}: heat_maps must be finite; got {{value}}.")
    is_defect = _read_masks(masks, maps.shape)
    n_defect = int(is_defect.sum())
    n_normal = is_defect.size - n_defect
    if n_defect == 0 or n_normal == 0:
        kind = "no pixel" if n_defect == 0 else "every pixel"
        raise ValueError(
            f"{_OWNER}: {kind} is marked in the masks; a ROC curve needs pixels of both kinds. "
            "Pixels above 0 count as defects."
        )
    # The Mann-Whitney statistic.
    ranks = rankdata(maps.ravel())[is_defect.ravel()].sum()
    return float((ranks - n_defect * (n_defect + 1) / 2) / (n_defect * n_normal))


def _read_masks(masks: Any, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    if hasattr(masks, "__array__") and np.asarray(masks).shape == shape[1:]:
        raise ValueError(
            f"{_OWNER}: masks must have one mask for each of the {shape[0]} heat maps; got a "
            f"single one of shape {shape[1:]}. Pass [mask]."
        )
    if isinstance(masks, str | os.PathLike):
        masks = files_of(Path(masks), _OWNER)
    elif hasattr(masks, "__array__") and hasattr(masks, "__len__"):
        masks = list(masks)  # also a Series, whose index is no position
    if not hasattr(masks, "__len__") or len(masks) != shape[0]:
        n = len(masks) if hasattr(masks, "__len__") else type(masks).__name__
        raise ValueError(
            f"{_OWNER}: masks must have one mask for each of the {shape[0]} heat maps, or None for "
            f"a picture without defect; got {n}."
        )
    marked = np.zeros(shape, dtype=bool)
    opened = Images([_as_array(mask, shape[1:]) for mask in masks], _OWNER)
    for i in range(len(masks)):
        if masks[i] is not None:
            marked[i] = _read_mask(opened, i, shape[1:])
    return marked


def _as_array(mask: Any, size: tuple[int, ...]) -> Any:
    """Return tensors and nested lists as arrays, without a first axis for one channel."""
    is_picture = hasattr(mask, "getbands")  # of Pillow, which is converted when it is read
    if isinstance(mask, list | tuple) or (hasattr(mask, "__array__") and not is_picture):
        mask = np.asarray(mask)
        return mask[0] if mask.shape == (1, *size) else mask
    return mask


def _read_mask(masks: Images, i: int, size: tuple[int, ...]) -> NDArray[np.bool_]:
    item = masks.items[i]
    if isinstance(item, np.ndarray) and item.dtype.kind in "iu":
        item = item > 0  # also 0 and 1 of any type, whose white is not known
        mask = item[:, :, None] if item.ndim == 2 else item
    else:
        try:
            mask = masks.read(i)
        except BrokenImage as error:
            error.name = _name(masks, i)
            raise
    if mask.ndim != 3 or mask.shape[:2] != size:
        raise ValueError(
            f"{_OWNER}: a mask must have the size (height, width) of its heat map, {size}; "
            f"{_name(masks, i)} has {tuple(mask.shape[:2])}. Resize it without interpolation, or "
            f"call heatmap(X, size={tuple(mask.shape[:2])})."
        )
    if mask.shape[2] == 4:  # opacity does not count
        mask = mask[:, :, :3]
    return np.any(mask > 0, axis=2)


def _name(masks: Images, i: int) -> str:
    name = masks.name(i)
    return name if name != f"image {i}" else f"mask {i}"
