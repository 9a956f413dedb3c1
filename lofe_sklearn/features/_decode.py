"""One image, from whatever holds it, to an array of numbers from 0 to 1."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

from lofe_sklearn._containers import IMAGE_CHANNELS


class BrokenImage(ValueError):
    """An image that cannot be read.

    Attributes
    ----------
    index : int or None
        Its position in X.
    name : str
        Its file's name, or its position.
    reason : str
        What is wrong with it.
    """

    def __init__(self, reason: str, *, index: int | None = None, name: str = "image") -> None:
        super().__init__(reason)
        self.reason = reason
        self.index = index
        self.name = name
        self.remedy = ""

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}" + (f". {self.remedy}" if self.remedy else "")


def read_image(item: Any) -> np.ndarray:
    """Return an image as float32 of shape (h, w, c), c being 1, 3 or 4.

    Whole numbers are divided by the largest of their type; numbers with a point are taken as they
    are. Files are turned as their EXIF data say, palettes and other colour spaces become RGB.

    Raises
    ------
    BrokenImage
        If it is no image, or cannot be decoded.
    ImportError
        If it has to be decoded and Pillow is not installed.
    """
    if isinstance(item, str | Path | bytes | bytearray | memoryview):
        item = _decode(item)
    elif hasattr(item, "getbands"):
        item = _pixels(item)
    image = np.asarray(item)
    if image.ndim == 2:
        image = image[:, :, None]
    if image.ndim != 3 or image.shape[2] not in IMAGE_CHANNELS:
        raise BrokenImage(
            f"an image has 1, 3 or 4 channels; this {_described(item)} is of shape {np.shape(item)}"
        )
    if 0 in image.shape:
        raise BrokenImage(f"an image of shape {np.shape(item)} has no pixels")
    if image.dtype == bool:
        return image.astype(np.float32)
    if image.dtype.kind in "ui":
        return image.astype(np.float32) / np.iinfo(image.dtype).max
    if image.dtype.kind != "f":
        raise BrokenImage(f"pixels must be numbers; got {image.dtype}")
    if not np.isfinite(image).all():
        raise BrokenImage("some pixels are NaN or infinite")
    return image.astype(np.float32)


def _described(item: Any) -> str:
    return "array" if isinstance(item, np.ndarray) else type(item).__name__


def _decode(item: str | Path | bytes | bytearray | memoryview) -> np.ndarray:
    Image = _pillow()
    is_file = isinstance(item, str | Path)
    try:
        with Image.open(item if is_file else io.BytesIO(item)) as image:  # type: ignore[arg-type]
            return _pixels(image)
    except Image.UnidentifiedImageError as error:
        reason = f"{'this file is' if is_file else 'these bytes are'} no image in a known format"
        raise BrokenImage(reason) from error
    except FileNotFoundError as error:
        raise BrokenImage("there is no such file") from error
    except Image.DecompressionBombError as error:
        raise BrokenImage(f"{error}; raise PIL.Image.MAX_IMAGE_PIXELS if it is meant") from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:  # Pillow's, for damaged data
        raise BrokenImage(f"the image is damaged ({error})") from error


def _pixels(image: Any) -> np.ndarray:
    from PIL import ImageOps

    image = ImageOps.exif_transpose(image)
    if image.mode in ("1", "L"):
        return np.asarray(image.convert("L"))
    if image.mode.startswith("I;16"):
        return np.asarray(image).astype(np.uint16)
    if image.mode == "I":
        pixels = np.asarray(image)  # 32 bits, which hold what were 8 or 16
        return pixels.astype(np.uint16 if pixels.max() > 255 else np.uint8)
    if image.mode == "F":
        return np.asarray(image)
    opaque = "A" not in image.getbands() and "transparency" not in image.info
    return np.asarray(image.convert("RGB" if opaque else "RGBA"))


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(
            "decoding images needs Pillow. Install it with: pip install 'lofe-sklearn[images]'. "
            "Arrays of pixels work without."
        ) from error
    return Image
