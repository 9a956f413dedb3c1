"""CIFAR-10: 60,000 colour images in ten classes."""

from __future__ import annotations

import io
import tarfile
from typing import Any, Literal, TypeAlias, Unpack, overload

import numpy as np
from sklearn.utils import Bunch

from lofe_sklearn._types import FilePath, ImagesAndClasses
from lofe_sklearn._validation import OneOf, check_argument
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

CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
Source: TypeAlias = Literal["auto", "official", "jpeg"]
SOURCES = OneOf(("auto", "official", "jpeg"))
TRAIN = tuple(f"data_batch_{i}.bin" for i in range(1, 6))
TEST = ("test_batch.bin",)
BATCHES = {"train": TRAIN, "test": TEST, "all": TRAIN + TEST}
VARIANTS = {
    "official": "the authors' binary version, https://www.cs.toronto.edu/~kriz/cifar.html",
    "jpeg": "a copy as JPEG files: lossy, so the pixels are not the official ones, and in another "
    "order; figures on it differ a little from published ones",
}
DESCRIPTION = """\
CIFAR-10
--------

Colour images of 32 by 32 pixels, in ten classes of 6,000 images each.

:Samples: 50,000 for training and 10,000 for testing; here {n_samples} ({subset})
:Features: 3072, uint8: all red, then all green, then all blue pixels, each row after row
:Classes: {classes}
:Source: {source}
:Licence: none stated

Please cite A. Krizhevsky (2009), Learning Multiple Layers of Features from Tiny Images, technical
report, University of Toronto.
"""


@overload
def fetch_cifar10(
    *,
    return_X_y: Literal[True],
    as_frame: Literal[False] = False,
    source: Source = "auto",
    **options: Unpack[ImageOptions],
) -> ImagesAndClasses: ...
@overload
def fetch_cifar10(
    *,
    return_X_y: Literal[True],
    as_frame: bool,
    source: Source = "auto",
    **options: Unpack[ImageOptions],
) -> tuple[Any, Any]: ...
@overload
def fetch_cifar10(
    *,
    return_X_y: Literal[False] = False,
    as_frame: bool = False,
    source: Source = "auto",
    **options: Unpack[ImageOptions],
) -> Bunch: ...
def fetch_cifar10(
    *,
    subset: Subset = "train",
    classes: Classes | None = None,
    source: Source = "auto",
    data_home: FilePath | None = None,
    download_if_missing: bool = True,
    return_X_y: bool = False,
    as_frame: bool = False,
    n_retries: int = 3,
    delay: float = 1.0,
    progress: bool = True,
) -> Bunch | tuple[Any, Any]:
    """Load CIFAR-10, and download it if necessary.

    Parameters
    ----------
    subset : {"train", "test", "all"}, default="train"
        The 50,000 training images, the 10,000 test images, or both.
    classes : int, str or sequence of these, default=None
        Only images of these classes, given as numbers or names; by default, of all. JPEG images of
        other classes are not even decoded.
    source : {"auto", "official", "jpeg"}, default="auto"
        ``"official"`` is the authors' binary version, ``images/cifar-10-binary.tar.gz`` in the
        folder of data, downloaded if missing (170 MB). ``"jpeg"`` is a copy as JPEG images,
        ``images/cifar10_jpeg_bytes.npz``, which has no public source, is lossy and in another
        order, and needs Pillow. ``"auto"`` is the JPEG copy if it is there and the official file is
        not, and else the official file; ``DESCR`` and ``source`` say which it was.
    data_home : str or path-like, default=None
        Folder that the file is looked for in and downloaded to; see :func:`get_data_home`.
    download_if_missing : bool, default=True
        Whether to download the file if it is not in the folder. Needs
        ``pip install 'lofe-sklearn[data]'``.
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
        ``data`` of shape (n_samples, 3072), uint8, one channel after the other; ``images`` of shape
        (n_samples, 32, 32, 3); ``target`` of shape (n_samples,), the class from 0 to 9;
        ``source``, ``feature_names``, ``target_names``, ``frame`` (with ``as_frame=True``),
        ``DESCR`` and ``filename``.
    (data, target) : tuple
        If `return_X_y` is true.

    Raises
    ------
    ValueError
        If there is no such subset, class or source.
    OSError
        If the file is missing and cannot be downloaded, or is not the published one. No file is
        ever deleted or overwritten.
    ImportError
        If a download is needed and pooch or tqdm is not installed, or the JPEG copy is used without
        Pillow.

    References
    ----------
    .. [1] A. Krizhevsky (2009). Learning Multiple Layers of Features from Tiny Images. Technical
       report, University of Toronto.

    Examples
    --------
    >>> from lofe_sklearn.datasets import fetch_cifar10
    >>> # Not run by the tests, since it downloads. One class against the rest:
    >>> frogs = fetch_cifar10(classes="frog")  # doctest: +SKIP
    >>> frogs.data.shape  # doctest: +SKIP
    (5000, 3072)
    """
    caller = "fetch_cifar10"
    access = Access(caller, data_home, download_if_missing, n_retries, delay, progress)
    check_subset(subset, caller)
    chosen = check_classes(classes, CLASSES, caller)
    check_argument(caller, "source", source, SOURCES)
    if source == "auto":
        official = access.home / entry_called("CIFAR-10", "cifar-10-binary.tar.gz").path
        jpeg = access.home / entry_called("CIFAR-10", "cifar10_jpeg_bytes.npz").path
        source = "jpeg" if jpeg.is_file() and not official.is_file() else "official"
    read = _read_jpeg if source == "jpeg" else _read_official
    data, target, filename = read(access, subset, chosen)
    description = DESCRIPTION.format(
        n_samples=len(data), subset=subset, classes=", ".join(CLASSES), source=VARIANTS[source]
    )
    return as_bunch(
        data,
        target,
        caller=caller,
        return_X_y=return_X_y,
        as_frame=as_frame,
        feature_names=[f"{colour}_{i}" for colour in ("red", "green", "blue") for i in range(1024)],
        target_names=list(CLASSES),
        target_column="class",
        images=data.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1),
        source=source,
        DESCR=description,
        filename=filename,
    )


def _read_official(
    access: Access, subset: str, chosen: np.ndarray
) -> tuple[np.ndarray, np.ndarray, str]:
    """Rows, classes and file, from batches of one byte for the class and 3072 for the pixels."""
    content, path = read_verified(access, entry_called("CIFAR-10", "cifar-10-binary.tar.gz"))
    parts = {}
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
        for member in archive:
            name = member.name.rpartition("/")[2]
            file = archive.extractfile(member) if name in BATCHES[subset] else None
            if file is not None:
                rows = np.frombuffer(file.read(), dtype=np.uint8).reshape(-1, 3073)
                parts[name] = rows[np.isin(rows[:, 0], chosen)]
    rows = np.concatenate([parts[name] for name in BATCHES[subset]])
    return np.ascontiguousarray(rows[:, 1:]), rows[:, 0].astype(np.int64), str(path)


def _read_jpeg(
    access: Access, subset: str, chosen: np.ndarray
) -> tuple[np.ndarray, np.ndarray, str]:
    """Rows, classes and file, from JPEG images one after the other."""
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(
            f"{access.caller}: decoding the JPEG copy needs Pillow. Install it with: pip install "
            "pillow. Or set source='official'."
        ) from error
    advice = "It has no public source; source='official' downloads the authors' version."
    entry = entry_called("CIFAR-10", "cifar10_jpeg_bytes.npz")
    content, path = read_verified(access, entry, without_source=advice)
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        blob, offsets, classes = arrays["blob"], arrays["offsets"], arrays["y"]
        wanted = np.isin(classes, chosen)
        if subset != "all":
            wanted &= arrays["is_test"] == (subset == "test")
    indices = np.flatnonzero(wanted)
    data = np.empty((len(indices), 3, 32, 32), dtype=np.uint8)
    for row, i in enumerate(indices):
        with Image.open(io.BytesIO(blob[offsets[i] : offsets[i + 1]].tobytes())) as image:
            data[row] = np.asarray(image.convert("RGB")).transpose(2, 0, 1)
    return data.reshape(len(data), -1), classes[indices].astype(np.int64), str(path)
