"""Windows of frames, the samples of video; no window spans two clips."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from lofe_sklearn._notebook import counted
from lofe_sklearn._types import Ints
from lofe_sklearn._validation import Number, check_argument
from lofe_sklearn.features._clips import Clip, open_clip
from lofe_sklearn.features._decode import MAX_PIXELS


def video_windows(
    clips: Sequence[Any] | NDArray[Any], *, length: int = 5, step: int = 1, pad: bool = False
) -> VideoWindows:
    """Cut clips into windows of successive frames, which are the samples of a video.

    Parameters
    ----------
    clips : list
        Each an array (t, h, w) or (t, h, w, c), a folder of frames (in the order of
        the numbers in their names), a list of
        frames, or a video file (needs ``pip install 'lofe-sklearn[video]'``).
    length : int, default=5
        Frames in a window.
    step : int, default=1
        Frames from the end of a window to that of the next one.
    pad : bool, default=False
        Whether the first ``length - 1`` frames of a clip also get windows, which repeat the first
        frame. With ``step=1`` there is then a window for every frame.

    Returns
    -------
    windows : VideoWindows of shape (n_windows, length)
        A sequence that reads frames when they are needed. ``groups`` has the clip of each window,
        and ``frames`` the number of its last frame in it.

    Raises
    ------
    ValueError
        If a clip is shorter than a window, or is not a clip.
    FileNotFoundError
        If there is no such file or folder.
    ImportError
        If a clip is a video file and PyAV is not installed.

    See Also
    --------
    VideoFeatures : Turns windows into rows of features.

    Examples
    --------
    >>> import numpy as np
    >>> from lofe_sklearn.features import video_windows
    >>> windows = video_windows([np.zeros((6, 24, 32)), np.zeros((9, 24, 32))], length=4)
    >>> len(windows), windows[0].shape
    (9, (4, 24, 32, 1))
    >>> windows.groups
    array([0, 0, 0, 1, 1, 1, 1, 1, 1])
    >>> windows.frames
    array([3, 4, 5, 3, 4, 5, 6, 7, 8])
    """
    owner = "video_windows"
    check_argument(owner, "length", length, Number(Integral, low=1))
    check_argument(owner, "step", step, Number(Integral, low=1))
    if isinstance(clips, str) or not isinstance(clips, Sequence | np.ndarray) or len(clips) == 0:
        came = repr(clips) if isinstance(clips, str | list) else type(clips).__name__
        advice = "Pass list(clips)" if hasattr(clips, "__next__") else "Put one clip into a list"
        raise ValueError(
            f"{owner}: clips must be a list of at least one clip; got {came}. {advice}."
        )
    opened = [open_clip(source, i, owner) for i, source in enumerate(clips)]
    groups, last = [], []
    for i, clip in enumerate(opened):
        if len(clip) < length and not pad:
            raise ValueError(
                f"{owner}: {clip.name} has {len(clip)} frames, fewer than length={length}. Leave "
                "it out, lower length, or set pad=True."
            )
        ends = np.arange(0 if pad else length - 1, len(clip), step)
        groups.append(np.full(len(ends), i))
        last.append(ends)
    return VideoWindows(opened, np.concatenate(groups), np.concatenate(last), length)


class VideoWindows:
    """A sequence of windows of frames; made by :func:`video_windows`.

    It is indexed like an array, for example by scikit-learn's cross-validation: ``windows[i]`` is a
    window (length, h, w, c) of float32 from 0 to 1, ``windows[[1, 5]]`` and ``windows[3:9]`` are
    shorter sequences that read nothing yet.

    Attributes
    ----------
    groups : ndarray of int, shape (n_windows,)
        Position of each window's clip, for `GroupKFold` and `TemporalSmoothing`.
    frames : ndarray of int, shape (n_windows,)
        Number of each window's last frame in its clip.
    shape : tuple (n_windows, length)
    """

    def __init__(self, clips: list[Clip], groups: Ints, frames: Ints, length: int) -> None:
        self.clips = clips
        self.groups = groups
        self.frames = frames
        self.length = length

    @property
    def shape(self) -> tuple[int, int]:
        """Number of windows, and of frames in each."""
        return len(self.groups), self.length

    def __len__(self) -> int:
        return len(self.groups)

    def __repr__(self) -> str:
        windows, frames = counted(len(self), "window"), counted(self.length, "frame")
        clips = counted(len(np.unique(self.groups)), "clip")
        return f"<VideoWindows: {windows} of {frames}, from {clips}>"

    @overload
    def __getitem__(self, rows: int) -> NDArray[np.float32]: ...
    @overload
    def __getitem__(self, rows: slice | Sequence[int] | NDArray[Any]) -> VideoWindows: ...
    def __getitem__(self, rows: Any) -> NDArray[np.float32] | VideoWindows:
        if isinstance(rows, tuple):  # as scikit-learn indexes arrays: X[rows, ...]
            rows = rows[0]
        if isinstance(rows, Integral):
            i = int(rows)
            if not -len(self) <= i < len(self):
                raise IndexError(f"there are {len(self)} windows; got {i}")
            return np.stack(self.read(i % len(self), range(self.length)))
        if not isinstance(rows, slice):
            rows = np.asarray(rows) if len(rows) else np.zeros(0, dtype=int)  # [] holds floats
        return VideoWindows(self.clips, self.groups[rows], self.frames[rows], self.length)

    def read(
        self, i: int, positions: Sequence[int], max_pixels: int | None = MAX_PIXELS
    ) -> list[np.ndarray]:
        """Read some frames of window i, counted from its first."""
        clip, first = self.clips[self.groups[i]], self.frames[i] - self.length + 1
        frames = [clip.read(max(int(first + position), 0), max_pixels) for position in positions]
        shapes = {frame.shape for frame in frames}
        if len(shapes) > 1:
            raise ValueError(
                f"{self.name(i)}: all frames of a clip must have one shape (height, width, "
                f"channels); got {' and '.join(map(str, sorted(shapes)))}. Resize or convert them."
            )
        return frames

    def name(self, i: int) -> str:
        """Return how errors call window i."""
        return f"{self.clips[self.groups[i]].name}, window that ends with frame {self.frames[i]}"
