"""The sets of ADBench by name, and those of them that no checksum is known of.

    47 of rows and columns                 tabular/adbench/NAME.npz
    features of images and texts           embeddings/CV_by_ResNet18/NAME.npz, NLP_by_BERT/NAME.npz

Paths are in the folder that LOFE_DATA names. Those that `fetch_adbench` knows are downloaded; what
else is there is read as it is.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lofe_sklearn.datasets import fetch_adbench, get_data_home, list_adbench, load_npz
from lofe_sklearn.datasets._registry import entries_of

SOURCE = "https://github.com/Minqi824/ADBench/tree/main/adbench/datasets"
CLASSICAL = tuple(entry.name for entry in entries_of("Classical"))
_CORRUPTED = (
    *("brightness", "canny_edges", "dotted_line", "fog", "glass_blur", "identity"),
    *("impulse_noise", "motion_blur", "rotate", "scale", "shear", "shot_noise", "spatter"),
    *("stripe", "translate", "zigzag"),
)
_MVTEC = tuple(
    entry.name for entry in entries_of("CV_by_ResNet18") if entry.name.startswith("MVTec")
)
IMAGES = (
    *(f"{family}_{i}" for family in ("CIFAR10", "FashionMNIST", "SVHN") for i in range(10)),
    *(f"MNIST-C_{name}" for name in _CORRUPTED),
    *_MVTEC,
)
TEXTS = (
    *(f"20news_{i}" for i in range(6)),
    *(f"agnews_{i}" for i in range(4)),
    *("amazon", "imdb", "yelp"),
)
EMBEDDINGS = (*IMAGES, *TEXTS)
# With fewer anomalies, half of them cannot contaminate a training set worth the name.
ENOUGH_ANOMALIES = 50
RARE = tuple(
    entry.name
    for entry in entries_of("Classical", "CV_by_ResNet18")
    if entry.n_anomalies < ENOUGH_ANOMALIES
)


def read(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Read rows and labels.

    Raises
    ------
    OSError
        If the set is not there and cannot be downloaded; the message says where to get it.
    """
    if name in list_adbench() or name not in (*CLASSICAL, *EMBEDDINGS):
        return fetch_adbench(name, return_X_y=True)
    collection, folder = "Classical", "tabular/adbench"
    if name in EMBEDDINGS:
        collection = "NLP_by_BERT" if name in TEXTS else "CV_by_ResNet18"
        folder = f"embeddings/{collection}"
    path = Path(get_data_home()) / folder / f"{name}.npz"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there. Put {SOURCE}/{collection}/{name}.npz there.")
    return load_npz(path, return_X_y=True)
