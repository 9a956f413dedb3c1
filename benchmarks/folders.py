"""MVTec-AD and the UCSD pedestrians as they are published: folders of pictures.

They may not be passed on, so users who have them unpack them into the folder that LOFE_DATA names:

    mvtec_ad/bottle/train/good/*.png, test/good/*.png, test/broken_large/*.png, ...
    video/UCSDped1/Train/Train001/*.tif, ..., Test/Test001/*.tif, ..., Test/UCSDped1.m
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

FRAME_SUFFIXES = {".tif", ".tiff", ".png", ".jpg"}


def category(root: Path, name: str) -> tuple[list[Path], np.ndarray]:
    """List the pictures of one category of MVTec-AD, and 1 for those with a defect.

    Raises
    ------
    OSError
        If its folder is not there, or has no pictures of one of the two kinds.
    """
    folder = root / "mvtec_ad" / name
    if not folder.is_dir():
        raise OSError(f"{folder} is not there. The category's folder of MVTec-AD belongs there.")
    paths = sorted((*folder.glob("train/*/*.png"), *folder.glob("test/*/*.png")))
    y = np.array([path.parent.name != "good" for path in paths], dtype=np.int64)
    if len(set(y.tolist())) < 2:
        raise OSError(
            f"{folder} must hold normal pictures in train/good or test/good and others in "
            f"test/DEFECT; found {int((y == 0).sum())} and {int((y == 1).sum())}."
        )
    return paths, y


def pedestrians(root: Path, name: str) -> tuple[list[list[Path]], np.ndarray, np.ndarray]:
    """List the frames of each clip of UCSDped1 or UCSDped2; which are anomalous, and which test.

    Raises
    ------
    OSError
        If the folder is not there, or its list of anomalous frames does not fit its clips.
    """
    folder = root / "video" / f"UCSD{name}"
    labels = folder / "Test" / f"UCSD{name}.m"
    if not labels.is_file():
        raise OSError(f"{labels} is not there. The data set's folder UCSD{name} belongs there.")
    ranges = re.findall(r"gt_frame\s*=\s*\[([^\]]*)\]", labels.read_text())
    train, test = _clips(folder, "Train"), _clips(folder, "Test")
    if len(test) != len(ranges):
        raise OSError(
            f"{labels} has the anomalous frames of {len(ranges)} clips, but there are {len(test)} "
            f"in {labels.parent}."
        )
    anomalous = [np.zeros(len(clip), dtype=np.int64) for clip in train + test]
    for y, of_clip in zip(anomalous[len(train) :], ranges, strict=True):
        for first, last in re.findall(r"(\d+)\s*:\s*(\d+)", of_clip):
            y[int(first) - 1 : int(last)] = 1  # counted from 1, both ends included
    is_test = np.repeat([False, True], [sum(map(len, train)), sum(map(len, test))])
    return train + test, np.concatenate(anomalous), is_test


def _clips(folder: Path, part: str) -> list[list[Path]]:
    """List the frames of each clip; beside them are folders of masks, and files of a Mac's own."""
    clips = [p for p in (folder / part).iterdir() if re.fullmatch(rf"{part}\d+", p.name)]
    return [
        sorted(
            frame
            for frame in clip.iterdir()
            if frame.suffix.lower() in FRAME_SUFFIXES and not frame.name.startswith(".")
        )
        for clip in sorted(clips)
    ]
