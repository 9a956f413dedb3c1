"""Sets of pictures and video for the benchmarks, as pixels or as features of a frozen network.

    fmnist-pixels:shirt     Fashion-MNIST, one class against the rest, raw pixels
    fmnist-halved:shirt     the same, averaged over squares of two by two pixels
    fmnist:shirt            the same, as features
    cifar10:frog            CIFAR-10, as features
    ped2:all  ped1:all      UCSD Ped: features of windows of frames, 128 principal components
    mvtec:bottle            MVTec-AD, as features of the pictures themselves

Features are computed once, by ImageFeatures() and VideoFeatures() as they are, and kept in the
folder that LOFE_CACHE names (default: lofe_sklearn/benchmarks in the user's cache folder). Each row
is brought to unit length, as scikit-learn's Normalizer does.

MVTec-AD's pictures and Ped1 are for those who have them: see benchmarks.folders.

Of a set of pictures at most --max-rows training pictures are taken of each class, the first ones,
and a fifth as many test pictures.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.decomposition import PCA
from sklearn.preprocessing import normalize

from benchmarks.folders import category, pedestrians
from lofe_sklearn.datasets import fetch_cifar10, fetch_fashion_mnist, get_data_home
from lofe_sklearn.features import ImageFeatures, VideoFeatures, video_windows

FETCH = {"fmnist": fetch_fashion_mnist, "cifar10": fetch_cifar10}
# The names of the classes as one word each, in the order of their numbers.
CLASSES = {
    "fmnist": [
        *("t-shirt-top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker"),
        *("bag", "ankle-boot"),
    ],
    "cifar10": [
        *("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship"),
        "truck",
    ],
}
TEST_SHARE = 5  # one test picture to so many training pictures
VIDEO = Path("video") / "ucsd_ped2_gray_120x180.npz"
WINDOW = 5
N_COMPONENTS = 128

Pictures = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int]


@lru_cache(maxsize=2)
def one_class(family: str, name: str, max_rows: int | None) -> Pictures:
    """Return training and test pictures with their classes, and the number of the normal one."""
    collection, _, kind = family.partition("-")
    names = CLASSES[collection]
    if name not in names:
        raise ValueError(f"{family} has no class {name!r}; it has {', '.join(names)}.")
    read = {"pixels": _pixels, "halved": _halved}.get(kind, _features)
    return (*read(collection, max_rows), names.index(name))


class VideoRows(NamedTuple):
    """A row for each window of a video, in the order of clips and frames."""

    X: np.ndarray  # features of unit length
    y: np.ndarray  # 1 for anomalous: those whose last frame is
    is_test: np.ndarray
    clip: np.ndarray
    frame: np.ndarray  # number of the last frame in its clip


def video(name: str = "ped2") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return components of a video's windows, 1 for anomalous, and whether they are of test clips.

    Frames are alike: a fraction of the 2,560 features has nearly all of the variance.
    """
    rows = video_rows(name)
    n_components = min(N_COMPONENTS, *rows.X.shape)
    return PCA(n_components, random_state=0).fit_transform(rows.X), rows.y, rows.is_test


@lru_cache(maxsize=2)
def video_rows(name: str = "ped2", every: int = 1) -> VideoRows:
    """Return the features of a video's windows, or of those that end in each `every`-th frame.

    UCSD Ped2 is read from one file of frames where that is there, and else, as Ped1 is, from its
    own folder.
    """
    path = get_data_home() / VIDEO
    if name == "ped2" and path.is_file():
        clips, y, is_test = _clips_of_file(path)
    else:
        clips, y, is_test = pedestrians(Path(get_data_home()), name)
    windows = video_windows(clips, length=WINDOW, pad=True)
    chosen = np.flatnonzero(windows.frames % every == 0)
    what = f"{name} {VideoFeatures()} {WINDOW}" + (f" every {every}" if every > 1 else "")
    X = kept(what, lambda: {"X": VideoFeatures().fit_transform(windows[chosen])})["X"]
    clip, frame = windows.groups[chosen], windows.frames[chosen]
    return VideoRows(normalize(X), y[chosen], is_test[chosen], clip, frame)


def _clips_of_file(path: Path) -> tuple[list, np.ndarray, np.ndarray]:
    with np.load(path) as file:
        X, clip, is_test, y = (file[key] for key in ("X", "clip", "is_test", "y"))
    marks = is_test.astype(np.int64) * 1000 + clip
    clips = [X[marks == mark] for mark in np.unique(marks)]
    order = np.concatenate([np.flatnonzero(marks == mark) for mark in np.unique(marks)])
    return clips, y[order].astype(np.int64), is_test[order].astype(bool)


@lru_cache(maxsize=2)
def defects(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return features of the pictures of a category of MVTec-AD, and 1 for those with a defect."""
    paths, y = category(Path(get_data_home()), name)
    extractor = ImageFeatures(verbose=1, allow_mixed=True)
    features = kept(
        f"mvtec {name} {len(paths)} {extractor}", lambda: {"X": extractor.fit_transform(paths)}
    )["X"]
    return normalize(features), y


def _pixels(collection: str, max_rows: int | None) -> tuple[np.ndarray, ...]:
    parts = []
    for subset, most in (("train", max_rows), ("test", max_rows and max_rows // TEST_SHARE)):
        # One class after the other: pictures that are not wanted are never all decoded.
        images = [
            FETCH[collection](subset=subset, classes=number).images[:most]
            for number in range(len(CLASSES[collection]))
        ]
        classes = np.repeat(np.arange(len(images)), [len(of_one) for of_one in images])
        parts += [np.concatenate(images), classes]
    return tuple(parts)


def _halved(collection: str, max_rows: int | None) -> tuple[np.ndarray, ...]:
    X, classes, X_test, classes_test = _pixels(collection, max_rows)
    return _half(X), classes, _half(X_test), classes_test


def _half(images: np.ndarray) -> np.ndarray:
    n, height, width = images.shape[:3]
    squares = images.reshape(n, height // 2, 2, width // 2, 2, *images.shape[3:])
    return squares.mean(axis=(2, 4), dtype=np.float32)


def _features(collection: str, max_rows: int | None) -> tuple[np.ndarray, ...]:
    def compute() -> dict[str, np.ndarray]:
        X, classes, X_test, classes_test = _pixels(collection, max_rows)
        extractor = ImageFeatures(verbose=1).fit(X)
        return {
            "X": extractor.transform(X),
            "classes": classes,
            "X_test": extractor.transform(X_test),
            "classes_test": classes_test,
        }

    found = kept(f"{collection} {max_rows} {ImageFeatures()}", compute)
    return (
        normalize(found["X"]),
        found["classes"],
        normalize(found["X_test"]),
        found["classes_test"],
    )


def kept(what: str, compute: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Return the arrays computed of `what`, from the cache if they are in it."""
    usual = Path.home() / ".cache" / "lofe_sklearn" / "benchmarks"
    folder = Path(os.environ.get("LOFE_CACHE", usual))
    name = f"{what.split()[0]}-{hashlib.sha256(what.encode()).hexdigest()[:12]}.npz"
    path = folder / name
    if not path.is_file():
        arrays = compute()
        folder.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{os.getpid()}-{name}")  # whole or not at all
        try:
            np.savez(part, **arrays)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)  # where the disk is full
    with np.load(path) as file:
        return dict(file)


def video_split(
    X: np.ndarray, y: np.ndarray, is_test: np.ndarray, ratio: float, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Train on a video itself, without labels, as Pang et al. 2020 and the LOE paper do.

    Training rows are all normal windows, of training and of test clips, and as many anomalous
    ones, drawn at random, as make up `ratio`. Test rows are all windows of the test clips, those
    that were trained on among them.
    """
    train = video_training_rows(y, ratio, seed)
    return X[train], X[is_test], y[train], y[is_test]


def video_training_rows(y: np.ndarray, ratio: float, seed: int) -> np.ndarray:
    """Return the numbers of the rows that `video_split` trains on."""
    normal, anomalous = np.flatnonzero(y == 0), np.flatnonzero(y == 1)
    # The tolerance keeps 90 * 0.1 / 0.9, which is 10 but for rounding, from being 9.
    n_drawn = int(len(normal) * ratio / (1 - ratio) + 1e-9)
    rng = np.random.default_rng(seed)
    train = np.concatenate([normal, rng.permutation(anomalous)[:n_drawn]])
    rng.shuffle(train)
    return train
