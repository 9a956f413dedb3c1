"""One clip: frames by their number, from an array, a folder of images or a video file."""

from __future__ import annotations

import os
import re
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from lofe_sklearn.features._decode import MAX_PIXELS, BrokenImage, check_size, read_image
from lofe_sklearn.features._folders import files_of
from lofe_sklearn.features._sources import looks_like_one_picture

# Decoding only goes forward, so frames of a video file are kept for the next windows: at most this
# number, and at most this number of bytes.
KEPT = 64
KEPT_BYTES = 2**30


class Clip:
    """Frames in an array or as a list of files.

    Parameters
    ----------
    frames : sequence
        What :func:`~lofe_sklearn.features._decode.read_image` reads, at each position.
    name : str
        The name of the clip in errors.
    """

    def __init__(self, frames: Sequence[Any] | np.ndarray, name: str) -> None:
        self.frames = frames
        self.name = name

    def __len__(self) -> int:
        return len(self.frames)

    def read(self, i: int, max_pixels: int | None = MAX_PIXELS) -> np.ndarray:
        """Decode frame i: float32 of shape (h, w, c), from 0 to 1."""
        try:
            return read_image(self.frames[i], max_pixels)
        except BrokenImage as error:
            frame = self.frames[i]
            file = f" ({os.fspath(frame)})" if isinstance(frame, str | os.PathLike) else ""
            error.index, error.name = i, f"{self.name}, frame {i}{file}"
            error.remedy = "Mend the clip or leave it out."
            raise


class VideoFile(Clip):
    """Frames of a video file, decoded one after another by PyAV."""

    def __init__(self, path: Path, owner: str) -> None:
        self.path = path
        self.name = str(path)
        self._av = _pyav(owner)
        self._n_frames = self._count()
        self._container: Any = None
        self._decoding = Lock()  # threads may share the clip, but not a decoder
        self._rewind()

    def __len__(self) -> int:
        return self._n_frames

    def read(self, i: int, max_pixels: int | None = MAX_PIXELS) -> np.ndarray:
        """Decode frame i; an earlier one than those kept starts again from the first."""
        with self._decoding:
            return read_image(self._decoded(i, max_pixels))

    def _decoded(self, i: int, max_pixels: int | None) -> np.ndarray:
        if i not in self._kept and i < self._next:
            self._rewind()
        if self._size is None:
            raise BrokenImage(f"frame {i} cannot be decoded", index=i, name=self.name)
        self._check_size(*self._size, i, max_pixels)  # before decoding
        while i not in self._kept:
            try:
                frame = next(self._decoder)
            except StopIteration:
                raise BrokenImage(
                    f"the video ends before frame {i}", index=i, name=self.name
                ) from None
            except (self._av.FFmpegError, OSError) as error:
                raise BrokenImage(
                    f"frame {self._next} is damaged ({error})", index=i, name=self.name
                ) from error
            # A frame may be larger than the file's header says.
            self._check_size(frame.width, frame.height, self._next, max_pixels)
            self._kept[self._next] = frame.to_ndarray(format="rgb24")
            self._next += 1
            n_bytes = sum(kept.nbytes for kept in self._kept.values())
            if len(self._kept) > KEPT or (n_bytes > KEPT_BYTES and len(self._kept) > 1):
                self._kept.popitem(last=False)
        return self._kept[i]

    def _check_size(self, width: int, height: int, i: int, max_pixels: int | None) -> None:
        try:
            check_size(width, height, max_pixels)
        except BrokenImage as error:
            error.index, error.name = i, f"{self.name}, frame {i}"
            self._rewind()  # the frame was not kept, so the count would be wrong
            raise

    def _rewind(self) -> None:
        if self._container is not None:
            self._container.close()
        self._container = self._open()
        self._decoder = self._container.decode(video=0)
        header = self._container.streams.video[0].codec_context
        # A damaged file may have a stream of unknown kind, which nothing decodes.
        self._size = None if header is None else (header.width, header.height)
        self._kept: OrderedDict[int, np.ndarray] = OrderedDict()
        self._next = 0

    def _open(self) -> Any:
        try:
            container = self._av.open(str(self.path))
        except (self._av.FFmpegError, OSError) as error:
            reason = error.strerror or error  # the name of the file is said already
            raise BrokenImage(
                f"it is no video that can be read ({reason})", name=self.name
            ) from error
        if not container.streams.video:
            raise BrokenImage("it has no picture, only sound or text", name=self.name)
        return container

    def _count(self) -> int:
        # The header is often missing or wrong, so packets are counted, without decoding.
        with self._open() as container:
            return sum(packet.size > 0 for packet in container.demux(video=0))

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "name": self.name, "_n_frames": self._n_frames}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _container=None)
        self._av = _pyav("VideoFile")
        self._decoding = Lock()
        self._rewind()


def open_clip(source: Any, position: int, owner: str) -> Clip:
    """Open an array (t, h, w[, c]), a folder of frames, a video file or a list of frames.

    Raises
    ------
    FileNotFoundError
        If there is no such file or folder.
    ValueError
        If it has no frames or is none of these.
    """
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        if path.is_dir():
            return Clip(_frames_of(path, owner), str(path))
        if not path.is_file():
            raise FileNotFoundError(f"{owner}: there is no file or folder {path}.")
        return VideoFile(path, owner)
    name = f"clip {position}"
    if isinstance(source, list | tuple):
        if source and isinstance(source[0], str | os.PathLike):
            name = f"clip {position} ({Path(source[0]).parent})"
    else:
        source = source if hasattr(source, "ndim") else np.asarray(source)
        if source.ndim not in (3, 4):
            raise ValueError(
                f"{owner}: a clip must be an array (frames, height, width[, channels]), a folder "
                f"of frames, a list of them, or a video file; {name} is an array of shape "
                f"{tuple(source.shape)}."
            )
        if source.ndim == 3 and looks_like_one_picture(source.shape):
            raise ValueError(
                f"{owner}: {name} is an array of shape {tuple(source.shape)}, which is a single "
                "picture (height, width, channels). Put the frames of a clip into one array "
                "(frames, height, width, channels), and each clip into a list: [clip]."
            )
    if len(source) == 0:
        raise ValueError(f"{owner}: {name} has no frames.")
    return Clip(source, name)


def _frames_of(folder: Path, owner: str) -> list[Path]:
    """Return the frames of a folder in the order of the numbers in their names."""
    frames = files_of(folder, owner)
    below = sorted({str(frame.parent) for frame in frames if frame.parent != folder}, key=_natural)
    if below:
        raise ValueError(
            f"{owner}: the clip {folder} holds folders with frames of their own, such as "
            f"{below[0]}. No window may span two of them: pass each folder as a clip."
        )
    return sorted(frames, key=lambda frame: _natural(frame.name))


def _natural(name: str) -> tuple[list[str | int], str]:
    """Return a key by which frame10 comes after frame9, not after frame1."""
    parts = re.split("([0-9]+)", name)
    return [int(part) if i % 2 else part for i, part in enumerate(parts)], name


def _pyav(owner: str) -> Any:
    try:
        import av
    except ImportError as error:
        raise ImportError(
            f"{owner}: reading video files needs PyAV. Install it with: pip install "
            "'lofe-sklearn[video]'. Folders of frames and arrays work without."
        ) from error
    return av
