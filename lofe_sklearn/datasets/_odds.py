"""The 30 sets of rows and columns of the LOE paper."""

from __future__ import annotations

from dataclasses import replace
from importlib import resources
from typing import Any, Literal, Unpack, overload

from sklearn.utils import Bunch

from lofe_sklearn._types import FilePath, Floats, Ints, RowsAndLabels
from lofe_sklearn.datasets._adbench import read_adbench
from lofe_sklearn.datasets._bunch import as_bunch, read_npz
from lofe_sklearn.datasets._files import Access, FetchOptions, read_verified
from lofe_sklearn.datasets._mulcross import make_mulcross
from lofe_sklearn.datasets._registry import (
    Entry,
    check_name,
    entries_of,
    find,
    simplified,
    unknown_name,
)

BUNDLED = ("arrhythmia", "thyroid")
# Sources of the sets without a public file. The page "Data sets" has the rules.
REBUILT = {
    "abalone": "UCI Abalone, classes 8, 9 and 10 as normal and 3 and 21 as anomalies",
    "ecoli": "UCI Ecoli, the classes omL, imL and imS as anomalies",
    "seismic": "UCI Seismic-Bumps",
    "kdd": "the 10 per cent file of UCI KDD Cup 1999",
    "kddrev": "the 10 per cent file of UCI KDD Cup 1999",
}
DESCRIPTION = """\
{name}
{line}

One of the 30 sets of rows and columns of the LOE paper (Qiu et al. 2022).

:Samples: {n_samples}
:Anomalies: {n_anomalies} ({share:.2%}), target 1
:Features: {n_features}
:Source: {source}
:sha256: {sha256}
:Licence: that of the source; UCI's own sets are under CC BY 4.0

Please cite S. Rayana (2016), ODDS Library, Stony Brook University, and the source of the set.
"""


@overload
def fetch_odds(
    name: str,
    *,
    return_X_y: Literal[True],
    as_frame: Literal[False] = False,
    **options: Unpack[FetchOptions],
) -> RowsAndLabels: ...
@overload
def fetch_odds(
    name: str,
    *,
    return_X_y: Literal[True],
    as_frame: bool,
    **options: Unpack[FetchOptions],
) -> tuple[Any, Any]: ...
@overload
def fetch_odds(
    name: str,
    *,
    return_X_y: Literal[False] = False,
    as_frame: bool = False,
    **options: Unpack[FetchOptions],
) -> Bunch: ...
def fetch_odds(
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
    """Load one of the tables of the LOE paper, most of which are from ODDS.

    18 of them are element for element what ADBench publishes and are downloaded from there;
    arrhythmia and thyroid come with the package. ``mulcross`` is synthetic and drawn by
    :func:`make_mulcross` with a fixed seed. The other nine (abalone, ecoli, glass, ionosphere,
    kdd, kddrev, lympho, seismic, wbc) have no public file to compare with, and must be in the
    folder already; ADBench's glass, Ionosphere, Lymphography and WBC are other versions. ``speech``
    is not available.

    Parameters
    ----------
    name : str
        Name of the set, as :func:`list_odds` has it, in any case.
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
        If there is no such set, or it is ``speech``.
    OSError
        If the file is missing and cannot be downloaded, or is not the known one. No file is ever
        deleted or overwritten.
    ImportError
        If a download is needed and pooch or tqdm is not installed.

    References
    ----------
    .. [1] S. Rayana (2016). ODDS Library. Stony Brook University.
    .. [2] C. Qiu, A. Li, M. Kloft, M. Rudolph, S. Mandt (2022). Latent Outlier Exposure for Anomaly
       Detection with Contaminated Data. ICML. arXiv:2202.08088.

    Examples
    --------
    >>> from lofe_sklearn.datasets import fetch_odds
    >>> X, y = fetch_odds("thyroid", return_X_y=True)
    >>> X.shape, int(y.sum())
    ((3772, 6), 93)
    """
    access = Access("fetch_odds", data_home, download_if_missing, n_retries, delay, progress)
    name = check_name(name, access.caller)
    if simplified(name) == "mulcross":
        data, target = make_mulcross(random_state=0)
        n_samples, n_features = data.shape
        entry = Entry("ODDS", "mulcross", n_samples, n_features, int(target.sum()), "none", "")
        source, filename = "lofe_sklearn.datasets.make_mulcross(random_state=0)", ""
    else:
        entry = _entry(name)
        data, target, source, filename = _read(entry, access)
    description = DESCRIPTION.format(
        **vars(entry),
        line="-" * len(entry.name),
        share=entry.n_anomalies / entry.n_samples,
        source=source,
    )
    return as_bunch(
        data,
        target,
        caller=access.caller,
        return_X_y=return_X_y,
        as_frame=as_frame,
        DESCR=description,
        filename=filename,
    )


def list_odds() -> list[str]:
    """List the names that :func:`fetch_odds` knows.

    Returns
    -------
    names : list of str
        The 30 sets of the LOE paper's table less ``speech``.

    Examples
    --------
    >>> from lofe_sklearn.datasets import list_odds
    >>> len(list_odds()), list_odds()[:3]
    (29, ['abalone', 'annthyroid', 'arrhythmia'])
    """
    return sorted([*(entry.name for entry in entries_of("ODDS")), "mulcross"])


def _entry(name: str) -> Entry:
    candidates = entries_of("ODDS")
    if simplified(name) == "speech":
        raise ValueError(
            "fetch_odds: 'speech' (3686 rows, 400 features, 61 anomalies) has no source with a "
            "known checksum, and nothing is loaded without one. ADBench has it as 36_speech.npz; "
            "download that and load it with load_npz('path/to/36_speech.npz')."
        )
    entry = find(name, candidates)
    if entry is None:
        raise unknown_name(name, candidates, "fetch_odds", "list_odds")
    return entry


def _read(entry: Entry, access: Access) -> tuple[Floats, Ints, str, str]:
    """Rows, labels, source and file of an entry: ours, the package's or ADBench's."""
    own = access.home / entry.path
    if not own.is_file():
        if entry.name in BUNDLED:
            folder = resources.files("lofe_sklearn.datasets") / "data"
            with resources.as_file(folder / f"{entry.name}.npz") as path:
                content, _ = read_verified(access, replace(entry, path=str(path)))
            return *read_npz(content, path), f"bundled with the package, {entry.origin}", path.name
        if entry.same_as:
            # Element for element the same rows and labels, which the tests compare.
            same = find(entry.same_as, entries_of("Classical"))
            if same is not None:
                data, target, path = read_adbench(same, access)
                return data, target, f"{same.url}, the same rows and labels", str(path)
    advice = f"There is no public source of it to download: {_how_to_get(entry.name)}."
    content, path = read_verified(access, entry, without_source=advice)
    return *read_npz(content, path), entry.origin, str(path)


def _how_to_get(name: str) -> str:
    if name in REBUILT:
        return (
            f"it was made from {REBUILT[name]}, by the rule on the documentation's page Data sets; "
            "a file that you make yourself has another checksum, so load it with load_npz"
        )
    return (
        f"it is a copy of ODDS's {name}.mat as an .npz file; a copy that you make yourself has "
        "another checksum, so load it with load_npz"
    )
