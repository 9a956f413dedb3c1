"""One image of any form, as an array of numbers from 0 to 1."""

from __future__ import annotations

import io
import os
from typing import Any

import numpy as np

from lofe_sklearn._containers import IMAGE_CHANNELS

# Pixels of the largest image that is decoded, and the bytes for each of them: 4 in Pillow, 3 in an
# array and 12 as floats. Together 640 MB.
MAX_PIXELS = 2**25
BYTES = 19
# A progressive JPEG file may have so many times more pixels. All of its coefficients, 6 bytes a
# pixel, are in memory whatever the decoded size is.
PROGRESSIVE = 3
# Types of whole numbers whose largest value is white. In wider or signed types pictures of 8, 16
# or 32 bits are stored alike, so that which value is white cannot be told.
WHITE = {np.dtype(np.uint8): 255, np.dtype(np.uint16): 65535}

# What it raises to look for a file: ValueError for a name that no file can have, RuntimeError for
# links that lead to each other.
CANNOT_OPEN = OSError, ValueError, RuntimeError

# Pillow's modes with opacity; the A of LAB is a colour.
_WITH_OPACITY = frozenset(("LA", "La", "PA", "RGBA", "RGBa"))


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


def read_image(item: Any, max_pixels: int | None = MAX_PIXELS) -> np.ndarray:
    """Return an image as float32 of shape (h, w, c), c being 1, 3 or 4.

    Unsigned integers of 8 and 16 bits are divided by the largest value of their type, other
    integers are refused; floats are kept as they are. Files are rotated by their EXIF data;
    palettes and other colour spaces become RGB.

    Parameters
    ----------
    item : array-like, str, path, bytes or Pillow image
    max_pixels : int or None
        Files and Pillow images of more pixels are refused before they are decoded. JPEG files are
        decoded at a half, a quarter or an eighth of their height and width if that is few enough.
        None for Pillow's own limit.

    Raises
    ------
    BrokenImage
        If the item is not an image, cannot be decoded, or has too many pixels.
    ImportError
        If the image must be decoded and Pillow is not installed.
    """
    if isinstance(item, str | os.PathLike | bytes | bytearray | memoryview):
        item = _decode(item, max_pixels)
    elif hasattr(item, "getbands"):
        item = _pixels(item, max_pixels)
    if np.ma.is_masked(item):
        raise BrokenImage(
            "some pixels are masked; fill them before, as in image.filled(0) for black ones"
        )
    if is_pair(item):
        raise BrokenImage(
            "it is a list or tuple; of a data set of pairs (image, label) pass the images alone, "
            "as in [image for image, label in X]"
        )
    try:
        image = np.asarray(item)
    except ValueError as error:
        raise BrokenImage(f"this {_described(item)} is no array of pixels ({error})") from error
    if image.ndim == 2:
        image = image[:, :, None]
    if image.ndim != 3 or image.shape[2] not in IMAGE_CHANNELS:
        shape, advice = tuple(np.shape(item)), ""
        if len(shape) == 3 and shape[0] in IMAGE_CHANNELS:
            advice = "; they come last: transpose it by np.moveaxis(image, 0, -1)"
        elif hasattr(item, "read"):
            advice = "; of an open file pass the bytes, file.read()"
        raise BrokenImage(
            f"an image has 1, 3 or 4 channels; this {_described(item)} is of shape {shape}{advice}"
        )
    if 0 in image.shape:
        raise BrokenImage(f"an image of shape {np.shape(item)} has no pixels")
    if image.dtype == bool:
        return image.astype(np.float32)
    if image.dtype.kind in "ui":
        white = WHITE.get(image.dtype.newbyteorder("="))
        if white is None:
            raise BrokenImage(which_is_white(image))
        # In place, since a copy of a large image is large.
        values = image.astype(np.float32)
        values /= white
        return values
    if image.dtype.kind != "f":
        raise BrokenImage(f"pixels must be numbers; got {image.dtype}")
    with np.errstate(over="ignore"):  # said below
        values = image.astype(np.float32)
    if not np.isfinite(values).all():
        raise BrokenImage("some pixels are NaN or infinite")
    return values


def which_is_white(pixels: np.ndarray) -> str:
    """Say why integers of an unusual type cannot be read as pixels, and what to do."""
    return (
        f"whole numbers must be of type uint8 or uint16, in which 255 or 65535 is white; got "
        f"{pixels.dtype}, from {pixels.min()} to {pixels.max()}, and it is not known which value "
        "is white. Convert values from 0 to 255 by astype(np.uint8), and values of 16 bits by "
        "astype(np.uint16), or divide by the value of white, which gives floats"
    )


def check_size(width: int, height: int, max_pixels: int | None) -> None:
    """Raise BrokenImage for a picture of more pixels than `max_pixels`."""
    n_pixels = width * height
    if max_pixels is not None and n_pixels > max_pixels:
        raise BrokenImage(
            f"it has {width} x {height} = {n_pixels:,} pixels, more than max_pixels={max_pixels:,}"
            f", and would take about {n_pixels * BYTES / 1e6:,.0f} MB. Read a smaller copy, or "
            "raise max_pixels if this size is intended"
        )


def is_pair(item: Any) -> bool:
    """Whether it is an image with something else beside it, as in data sets with labels."""
    first = item[0] if isinstance(item, list | tuple) and len(item) else None
    return hasattr(first, "getbands") or getattr(first, "ndim", 0) > 1


def _described(item: Any) -> str:
    return "array" if isinstance(item, np.ndarray) else type(item).__name__


def _decode(
    item: str | os.PathLike | bytes | bytearray | memoryview, max_pixels: int | None
) -> np.ndarray:
    Image = _pillow()
    is_file = isinstance(item, str | os.PathLike)
    try:
        with Image.open(item if is_file else io.BytesIO(item)) as image:  # type: ignore[arg-type]
            _decode_smaller(image, max_pixels)
            return _pixels(image, max_pixels)
    except BrokenImage:
        raise
    except Image.UnidentifiedImageError as error:
        reason = f"{'this file is' if is_file else 'these bytes are'} no image in a known format"
        raise BrokenImage(reason) from error
    except IsADirectoryError as error:
        raise BrokenImage("it is a folder; pass it alone, not in a list") from error
    # The user may have turned the warning into an error.
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BrokenImage(f"{error}; raise PIL.Image.MAX_IMAGE_PIXELS if it is intended") from error
    except MemoryError as error:
        raise BrokenImage("it does not fit into memory; read a smaller copy") from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:  # Pillow's, for damaged data
        raise BrokenImage(why_not_opened(error, item)) from error


def why_not_opened(error: Exception, item: Any) -> str:
    """Say why an image cannot be decoded, or its file not opened, which is no fault of the image.

    `error` is one of CANNOT_OPEN, or one by which Pillow says that data are damaged.
    """
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, OSError) and error.errno is not None:  # of the system; Pillow's have none
        return f"the file cannot be read ({error.strerror})"
    if isinstance(error, RuntimeError):
        return "the file cannot be read (links that lead to each other)"
    if isinstance(item, str | os.PathLike) and "\0" in os.fsdecode(item):
        return "no file's name has the character 0; pass an encoded image as bytes"
    return f"the image is damaged ({error})"


def _pixels(image: Any, max_pixels: int | None) -> np.ndarray:
    from PIL import ImageOps

    check_size(image.width, image.height, max_pixels)
    form = image.format  # lost where the image is turned
    tags = getattr(image, "tag_v2", {})  # of TIFF files: bits of each channel, and what 0 means
    bits, zero_is_white = tags.get(258), tags.get(262) == 0
    image = ImageOps.exif_transpose(image)
    has_opacity = image.mode in _WITH_OPACITY or "transparency" in image.info
    if image.mode in ("1", "L") and not has_opacity:
        return np.asarray(image.convert("L"))
    if image.mode.startswith("I;16"):
        pixels = np.asarray(image).astype(np.uint16)
        # Pillow leaves these as they are in the file.
        if bits == (12,):
            return pixels / np.float32(4095)
        pixels = 65535 - pixels if zero_is_white else pixels
        clear = image.info.get("transparency")  # Pillow does not convert it for 16 bits
        if clear is None:
            return pixels
        return np.dstack([pixels] * 3 + [np.where(pixels == clear, 0, 65535).astype(np.uint16)])
    if image.mode == "I":
        pixels = np.asarray(image)
        if form in ("PNG", "PPM"):  # 16 bits at most, which Pillow brings to 0 ... 65535
            return pixels.astype(np.uint16)
        raise BrokenImage(which_is_white(pixels))
    if image.mode == "F":
        return np.asarray(image)
    if image.mode in ("La", "RGBa"):  # with colours that are multiplied by the opacity
        image = image.convert(image.mode.upper())
    return np.asarray(image.convert("RGBA" if has_opacity else "RGB"))


def _decode_smaller(image: Any, max_pixels: int | None) -> None:
    """Set a large JPEG file to be decoded at a reduced size; leave others as they are."""
    n_pixels = image.width * image.height
    if max_pixels and image.info.get("progressive") and n_pixels > PROGRESSIVE * max_pixels:
        return  # and is refused
    for part in (1, 2, 4, 8):
        if max_pixels is None or -(-image.width // part) * -(-image.height // part) <= max_pixels:
            break
    else:
        return  # and is refused
    if part > 1:
        image.draft(None, (max(image.width // part, 1), max(image.height // part, 1)))


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(
            "decoding images needs Pillow. Install it with: pip install 'lofe-sklearn[images]'. "
            "Arrays of pixels work without."
        ) from error
    return Image
