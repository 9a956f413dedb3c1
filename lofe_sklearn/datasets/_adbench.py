"""The sets of ADBench: 47 of rows and columns, and frozen features of images."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Unpack, overload

from sklearn.utils import Bunch

from lofe_sklearn._types import FilePath, Floats, Ints, RowsAndLabels
from lofe_sklearn._validation import AnyOf, OneOf, check_argument
from lofe_sklearn.datasets._bunch import as_bunch, read_npz
from lofe_sklearn.datasets._files import Access, FetchOptions, read_verified
from lofe_sklearn.datasets._registry import (
    Entry,
    check_name,
    entries_of,
    find,
    simplified,
    unknown_name,
)

COLLECTIONS = ("Classical", "CV_by_ResNet18")
# ADBench has these too, but this package has no checksums of their files.
UNPINNED = ("CV_by_ViT", "NLP_by_BERT", "NLP_by_RoBERTa")
UNPINNED_SETS = (
    "cifar10",
    "fashionmnist",
    "mnist_c",
    "svhn",
    "20news",
    "agnews",
    "amazon",
    "imdb",
    "yelp",
)
DESCRIPTION = """\
{name}
{line}

One of the sets of ADBench ({collection}), as published there.

:Samples: {n_samples}
:Anomalies: {n_anomalies} ({share:.2%}), target 1
:Features: {n_features}{features}
:Source: {url}
:sha256: {sha256}
:Licence: {licence}

Please cite S. Han, X. Hu, H. Huang, M. Jiang, Y. Zhao (2022), ADBench: Anomaly Detection
Benchmark, NeurIPS Datasets and Benchmarks, arXiv:2206.09426, and the source of the set that is
named there.
"""


@overload
def fetch_adbench(
    name: str,
    *,
    return_X_y: Literal[True],
    as_frame: Literal[False] = False,
    **options: Unpack[FetchOptions],
) -> RowsAndLabels: ...
@overload
def fetch_adbench(
    name: str,
    *,
    return_X_y: Literal[True],
    as_frame: bool,
    **options: Unpack[FetchOptions],
) -> tuple[Any, Any]: ...
@overload
def fetch_adbench(
    name: str,
    *,
    return_X_y: Literal[False] = False,
    as_frame: bool = False,
    **options: Unpack[FetchOptions],
) -> Bunch: ...
def fetch_adbench(
    name: str,
    *,
    data_home: FilePath | None = None,
    download_if_missing: bool = True,
    return_X_y: bool = False,
    as_frame: bool = False,
    n_retries: int = 3,
    delay: float = 1.0,
    progress: bool = True,
) -> Bunch | tuple[Any, Any]:
    """Load one of ADBench's sets, and download it if necessary.

    Known are 43 of the 47 "Classical" sets of rows and columns, and ResNet-18 features of MVTec-AD
    (15 categories, training and test part merged), CIFAR-10 and SVHN (three classes each). The
    files are ADBench's at a fixed commit, and their sha256 is checked. For ``3_backdoor``,
    ``9_census``, ``13_fraud``, ``36_speech`` and ADBench's other features of images and texts this
    package has no checksum: download them yourself and use :func:`load_npz`.

    Parameters
    ----------
    name : str
        Name of the set as in ADBench, with its number or without, in any case: ``"6_cardio"``,
        ``"cardio"``, ``"MVTec-AD_bottle"``. :func:`list_adbench` has them all.
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
        ``data`` of shape (n_samples, n_features), float64; ``target`` of shape (n_samples,), 1 for
        anomalies and 0 for normal rows; ``feature_names``, ``target_names``, ``frame`` (with
        ``as_frame=True``), ``DESCR`` with sizes, licence and citation, and ``filename``.
    (data, target) : tuple
        If `return_X_y` is true.

    Raises
    ------
    ValueError
        If there is no such set, or if this package has no checksum of it.
    OSError
        If the file is missing and cannot be downloaded, or is not the published one. No file is
        ever deleted or overwritten.
    ImportError
        If a download is needed and pooch or tqdm is not installed.

    References
    ----------
    .. [1] S. Han, X. Hu, H. Huang, M. Jiang, Y. Zhao (2022). ADBench: Anomaly Detection Benchmark.
       NeurIPS Datasets and Benchmarks. arXiv:2206.09426.

    Examples
    --------
    >>> from lofe_sklearn.datasets import fetch_adbench
    >>> # Not run by the tests, since it downloads.
    >>> X, y = fetch_adbench("cardio", return_X_y=True)  # doctest: +SKIP
    >>> X.shape, int(y.sum())  # doctest: +SKIP
    ((1831, 21), 176)
    """
    access = Access("fetch_adbench", data_home, download_if_missing, n_retries, delay, progress)
    entry = _entry(check_name(name, access.caller))
    data, target, filename = read_adbench(entry, access)
    return as_bunch(
        data,
        target,
        caller=access.caller,
        return_X_y=return_X_y,
        as_frame=as_frame,
        DESCR=_description(entry),
        filename=str(filename),
    )


def list_adbench(
    collection: Literal["Classical", "CV_by_ResNet18"] | None = None,
) -> list[str]:
    """List the names that :func:`fetch_adbench` has a checksum for.

    Parameters
    ----------
    collection : {"Classical", "CV_by_ResNet18"}, default=None
        One of ADBench's folders, or by default both.

    Returns
    -------
    names : list of str
        ADBench's names.

    Raises
    ------
    ValueError
        If there is no such collection.

    Examples
    --------
    >>> from lofe_sklearn.datasets import list_adbench
    >>> list_adbench("Classical")[:3]
    ['1_ALOI', '2_annthyroid', '4_breastw']
    """
    check_argument("list_adbench", "collection", collection, AnyOf(OneOf(COLLECTIONS), None))
    chosen = COLLECTIONS if collection is None else (collection,)
    return [entry.name for entry in entries_of(*chosen) if entry.sha256]


def read_adbench(entry: Entry, access: Access) -> tuple[Floats, Ints, Path]:
    """Rows, labels and the file of one entry."""
    content, path = read_verified(access, entry)
    return *read_npz(content, path), path


def _entry(name: str) -> Entry:
    folder = name.partition("/")[0]
    candidates = entries_of(*([folder] if folder in COLLECTIONS else COLLECTIONS))
    entry = None if folder in UNPINNED else find(name, candidates)
    if entry is not None and entry.sha256:
        return entry
    if entry is not None or folder in UNPINNED or simplified(name).startswith(UNPINNED_SETS):
        where = entry.url if entry else "github.com/Minqi824/ADBench, adbench/datasets"
        raise ValueError(
            f"fetch_adbench: this package has no checksum of {name!r}, and downloads nothing "
            f"without one. Get the file yourself ({where}) and load it with "
            "load_npz('path/to/file.npz')."
        )
    raise unknown_name(name, candidates, "fetch_adbench", "list_adbench")


def _description(entry: Entry) -> str:
    image = entry.collection != "Classical"
    licence = "not stated by ADBench; that of the set's source"
    if "MVTec" in entry.name:
        licence = "CC BY-NC-SA 4.0, of MVTec-AD (Bergmann et al. 2019); not for commercial use"
    return DESCRIPTION.format(
        **vars(entry),
        line="-" * len(entry.name),
        share=entry.n_anomalies / entry.n_samples,
        features=", of a ResNet-18 pretrained on ImageNet" if image else "",
        licence=licence,
    )
