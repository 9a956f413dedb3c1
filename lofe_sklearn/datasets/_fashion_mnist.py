"""Fashion-MNIST: 70,000 grey images of clothes in ten classes."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any, Literal, Unpack, overload

import numpy as np
from sklearn.utils import Bunch

from lofe_sklearn._types import FilePath, ImagesAndClasses
from lofe_sklearn.datasets._bunch import as_bunch
from lofe_sklearn.datasets._files import Access, read_verified
from lofe_sklearn.datasets._image_subsets import (
    Classes,
    ImageOptions,
    Subset,
    check_classes,
    check_subset,
)
from lofe_sklearn.datasets._registry import entry_called

# Where Debian's package dataset-fashion-mnist puts the files.
SYSTEM_FOLDER = Path("/usr/share/datasets/fashion-mnist")
CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
PARTS = {"train": ("train",), "test": ("t10k",), "all": ("train", "t10k")}
DESCRIPTION = """\
Fashion-MNIST
-------------

Grey images of 28 by 28 pixels of articles in a web shop, in ten classes of 7,000 images each.

:Samples: 60,000 for training and 10,000 for testing; here {n_samples} ({subset})
:Features: 784 pixels, uint8, row after row
:Classes: {classes}
:Source: https://github.com/zalandoresearch/fashion-mnist
:Licence: MIT

Please cite H. Xiao, K. Rasul, R. Vollgraf (2017), Fashion-MNIST: a Novel Image Dataset for
Benchmarking Machine Learning Algorithms, arXiv:1708.07747.
"""


@overload
def fetch_fashion_mnist(
    *,
    return_X_y: Literal[True],
    as_frame: Literal[False] = False,
    **options: Unpack[ImageOptions],
) -> ImagesAndClasses: ...
@overload
def fetch_fashion_mnist(
    *,
    return_X_y: Literal[True],
    as_frame: bool,
    **options: Unpack[ImageOptions],
) -> tuple[Any, Any]: ...
@overload
def fetch_fashion_mnist(
    *,
    return_X_y: Literal[False] = False,
    as_frame: bool = False,
    **options: Unpack[ImageOptions],
) -> Bunch: ...
def fetch_fashion_mnist(
    *,
    subset: Subset = "train",
    classes: Classes | None = None,
    data_home: FilePath | None = None,
    download_if_missing: bool = True,
    return_X_y: bool = False,
    as_frame: bool = False,
    n_retries: int = 3,
    delay: float = 1.0,
    progress: bool = True,
) -> Bunch | tuple[Any, Any]:
    """Load Fashion-MNIST, and download it if necessary.

    The four files are looked for in ``images/fashion-mnist`` in the folder of data and where
    Debian's and Ubuntu's package ``dataset-fashion-mnist`` puts them, before they are downloaded
    from the authors' repository (31 MB).

    Parameters
    ----------
    subset : {"train", "test", "all"}, default="train"
        The 60,000 training images, the 10,000 test images, or both in this order.
    classes : int, str or sequence of these, default=None
        Only images of these classes, given as numbers or names; by default, of all.
    data_home : str or path-like, default=None
        Folder that the files are looked for in and downloaded to; see :func:`get_data_home`.
    download_if_missing : bool, default=True
        Whether to download files that are not found. Needs ``pip install 'lofe-sklearn[data]'``.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Return pandas objects; needs pandas.
    n_retries : int, default=3
        Number of further tries when the network fails; each goes on where the last one ended.
    delay : float, default=1.0
        Seconds between two tries.
    progress : bool, default=True
        Show a progress bar while downloading.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        ``data`` of shape (n_samples, 784), uint8; ``images`` of shape (n_samples, 28, 28);
        ``target`` of shape (n_samples,), the class from 0 to 9; ``feature_names``,
        ``target_names``, ``frame`` (with ``as_frame=True``), ``DESCR`` and ``filename``, the
        folder.
    (data, target) : tuple
        If `return_X_y` is true.

    Raises
    ------
    ValueError
        If there is no such subset or class.
    OSError
        If a file is missing and cannot be downloaded, or is not the published one. No file is ever
        deleted or overwritten.
    ImportError
        If a download is needed and pooch or tqdm is not installed.

    References
    ----------
    .. [1] H. Xiao, K. Rasul, R. Vollgraf (2017). Fashion-MNIST: a Novel Image Dataset for
       Benchmarking Machine Learning Algorithms. arXiv:1708.07747.

    Examples
    --------
    >>> from lofe_sklearn.datasets import fetch_fashion_mnist
    >>> # Not run by the tests, since it downloads. One class against the rest:
    >>> shirts = fetch_fashion_mnist(classes="Shirt")  # doctest: +SKIP
    >>> shirts.data.shape  # doctest: +SKIP
    (6000, 784)
    """
    caller = "fetch_fashion_mnist"
    access = Access(caller, data_home, download_if_missing, n_retries, delay, progress)
    check_subset(subset, caller)
    chosen = check_classes(classes, CLASSES, caller)
    images, targets = [], []
    for part in PARTS[subset]:
        labels, path = _read_idx(access, f"{part}-labels-idx1-ubyte.gz")
        pixels, path = _read_idx(access, f"{part}-images-idx3-ubyte.gz")
        wanted = np.isin(labels, chosen)
        images.append(pixels[wanted])
        targets.append(labels[wanted])
    stacked = np.concatenate(images)
    description = DESCRIPTION.format(
        n_samples=len(stacked), subset=subset, classes=", ".join(CLASSES)
    )
    return as_bunch(
        stacked.reshape(len(stacked), -1),
        np.concatenate(targets).astype(np.int64),
        caller=caller,
        return_X_y=return_X_y,
        as_frame=as_frame,
        feature_names=[f"pixel_{i}" for i in range(784)],
        target_names=list(CLASSES),
        target_column="class",
        images=stacked,
        DESCR=description,
        filename=str(path.parent),
    )


def _read_idx(access: Access, name: str) -> tuple[np.ndarray, Path]:
    """Array and file of one of the four files: big-endian sizes, then bytes."""
    entry = entry_called("Fashion-MNIST", name)
    content, path = read_verified(access, entry, elsewhere=[SYSTEM_FOLDER / name])
    raw = gzip.decompress(content)
    n_axes = raw[3]
    shape = np.frombuffer(raw, dtype=">u4", count=n_axes, offset=4)
    return np.frombuffer(raw, dtype=np.uint8, offset=4 + 4 * n_axes).reshape(shape), path
