"""The sets of the benchmarks by name, and the rows that are taken of large ones.

    odds:thyroid          of the LOE paper's 30, by fetch_odds
    adbench:6_cardio      of ADBench, by fetch_adbench
    file:FOLDER/mine.npz  an own file, with X and y (1 for anomalies)
    normal:30             2,000 normal rows of 30 features without anomalies, to time steps on
    cifar10:frog          pictures and video: see benchmarks.pictures

Of a set with more rows than --max-rows, that many are drawn once, by seed 0 whatever the seed of
the fit: at random from the normal rows and from the anomalies, in the set's own proportion (but 20
anomalies at least), because F1 depends on it. Some studies draw from all rows at random.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from fnmatch import fnmatch
from functools import lru_cache, partial

import numpy as np

from benchmarks import adbench_sets, pictures
from benchmarks.standalone.step_times import rows_of
from lofe_sklearn.datasets import fetch_odds, load_npz

# Those of the LOE paper's tabular table, except speech, which is not available.
ODDS = (
    *("abalone", "annthyroid", "arrhythmia", "breastw", "cardio", "cover", "ecoli", "glass"),
    *("ionosphere", "kdd", "kddrev", "letter", "lympho", "mammography", "mnist", "mulcross"),
    *("musk", "optdigits", "pendigits", "pima", "satellite", "satimage-2", "seismic", "shuttle"),
    *("thyroid", "vertebral", "vowels", "wbc", "wine"),
)
# Those of ADBench's 47 that are small enough to come with a checkout of the data folder.
ADBENCH = (
    *("2_annthyroid", "4_breastw", "6_cardio", "10_cover", "14_glass", "18_Ionosphere"),
    *("20_letter", "21_Lymphography", "23_mammography", "24_mnist", "25_musk", "26_optdigits"),
    *("28_pendigits", "29_Pima", "30_satellite", "31_satimage-2", "32_shuttle", "38_thyroid"),
    *("39_vertebral", "40_vowels", "42_WBC", "45_wine"),
)
# LOE()'s defaults were chosen on the first, and looked at on the others afterwards.
CHOSEN_ON = tuple(
    f"adbench:{name}"
    for name in (
        *("14_glass", "18_Ionosphere", "4_breastw", "29_Pima", "40_vowels", "6_cardio"),
        *("38_thyroid", "2_annthyroid", "28_pendigits", "20_letter", "30_satellite", "25_musk"),
    )
)
LOOKED_AT = tuple(f"adbench:{name}" for name in ADBENCH if f"adbench:{name}" not in CHOSEN_ON)
# ADBench's features of the categories of MVTec-AD.
MVTEC = tuple(
    f"MVTec-AD_{name}"
    for name in (
        *("bottle", "cable", "capsule", "carpet", "grid", "hazelnut", "leather", "metal_nut"),
        *("pill", "screw", "tile", "toothbrush", "transistor", "wood", "zipper"),
    )
)
# The sets of the SOEL paper, cardio and thyroid.
SOEL = tuple(
    f"odds:{name}" for name in ("satellite", "pima", "breastw", "ionosphere", "cardio", "thyroid")
)
LEAST_ANOMALIES = 20
PICTURES = tuple(
    f"{collection}{kind}"
    for collection in ("cifar10", "fmnist")
    for kind in ("", "-pixels", "-halved")
)
VIDEOS = ("ped1", "ped2")
FAMILIES = ("file", "odds", "adbench", "normal", *PICTURES, *VIDEOS, "mvtec")


class SetError(Exception):
    """A set that is not known, or not there."""


def choose(patterns: Iterable[str] | None, default: tuple[str, ...]) -> tuple[str, ...]:
    """Return the full names of the sets asked for: names, patterns like ``*thy*``, or files."""
    if patterns is None:
        return default
    chosen: list[str] = []
    for pattern in patterns:
        if pattern.endswith(".npz") and not pattern.startswith("file:"):
            found = [f"file:{pattern}"]
        elif pattern.partition(":")[0] in FAMILIES and "*" not in pattern:
            found = [pattern]
        else:
            found = [name for name in default if fnmatch(name.lower(), f"*{pattern.lower()}")]
            found = [n for n in found if n.partition(":")[2] == pattern] or found
        if not found:
            short = [name.partition(":")[2] for name in default]
            near = difflib.get_close_matches(pattern, short, n=3)
            meant = f" Did you mean {' or '.join(near)}?" if near else ""
            raise SetError(
                f"no set is called {pattern!r}.{meant} By default there are {', '.join(short)}; "
                "any other is named odds:NAME, adbench:NAME or FILE.npz."
            )
        chosen += [name for name in found if name not in chosen]
    return tuple(chosen)


def load(name: str, max_rows: int | None = None) -> tuple:
    """Read a set named as above: what the protocols for its kind start from."""
    family, _, short = name.partition(":")
    try:
        if family in PICTURES:
            return pictures.one_class(family, short, max_rows)
        if family in VIDEOS:
            return pictures.video(family)
        if family == "mvtec":
            return pictures.defects(short)
    except (OSError, ValueError, ImportError) as error:
        raise SetError(f"{name}: {error}") from error
    return load_table(name, max_rows)


@lru_cache(maxsize=2)
def load_table(
    name: str, max_rows: int | None = None, *, in_proportion: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Read X as float64 and y, 1 for anomalies.

    At most `max_rows` rows are drawn, in the proportion of the classes or from all at random.
    """
    family, _, short = name.partition(":")
    if family == "normal":
        X = rows_of(name)
        return X, np.zeros(len(X), dtype=int)
    read = {
        "odds": partial(fetch_odds, return_X_y=True),
        "adbench": adbench_sets.read,
        "file": partial(load_npz, return_X_y=True),
    }[family]
    try:
        X, y = read(short)
    except (OSError, ValueError, ImportError) as error:
        raise SetError(f"{name}: {error}") from error
    if max_rows is None or len(X) <= max_rows:
        return X, y
    return (subsample if in_proportion else draw)(X, y, max_rows)


def subsample(X: np.ndarray, y: np.ndarray, max_rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw `max_rows` rows in the proportion of the classes, if there are more."""
    if len(X) <= max_rows:
        return X, y
    rng = np.random.default_rng(0)
    anomalies, normal = (rng.permutation(np.flatnonzero(y == label)) for label in (1, 0))
    n_anomalies = max(LEAST_ANOMALIES, round(max_rows * len(anomalies) / len(X)))
    kept = np.r_[anomalies[:n_anomalies], normal[: max_rows - n_anomalies]]
    kept.sort()
    return X[kept], y[kept]


def draw(X: np.ndarray, y: np.ndarray, max_rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw `max_rows` of more rows at random, and enough anomalies to score by."""
    chosen = np.random.default_rng(0).permutation(len(X))[:max_rows]
    if y[chosen].sum() < LEAST_ANOMALIES:
        some = np.flatnonzero(y == 1)[:LEAST_ANOMALIES]
        chosen = np.r_[np.setdiff1d(chosen, some)[: max_rows - len(some)], some]
    return X[chosen], y[chosen]


def those_there(
    names: Iterable[str], max_rows: int | None = None
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return which sets can be loaded, and of the others why not.

    Features of pictures are computed here, so that workers find them done.
    """
    there, missing = [], {}
    for name in names:
        try:
            load(name, max_rows)
        except SetError as error:
            missing[name] = str(error)
        else:
            there.append(name)
    return tuple(there), missing
