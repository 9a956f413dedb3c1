"""Pictures of parts and surfaces with planted defects, and masks that say where they are.

MVTec AD and similar sets are not available from package registries, so these pictures are
generated. Aligned kinds show one object in one place, with the noise, brightness and small shifts
of a fixed camera: ``plate`` and ``print`` are drawn, ``scene`` is a photograph that comes with
scikit-learn. Unaligned kinds are surfaces, each picture another piece of them: ``weave`` is drawn,
``brick`` and ``gravel`` are cut from photographs that come with scikit-image (``pip install
scikit-image``).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

SIDE = 224
ALIGNED = ("plate", "print", "scene")
UNALIGNED = ("weave", "brick", "gravel")
# Defects keep this far from the edges of a picture, in pixels.
MARGIN = 24

Picture = NDArray[np.float64]
Mask = NDArray[np.bool_]


def draw(
    kind: str, n_normal: int, n_defective: int, seed: int, *, repeated: bool = False
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return pictures (n, 224, 224, 3), normal ones first, and masks (n, 224, 224) of defects.

    Defects are of three sorts, anywhere. If they are `repeated`, as by a worn tool, all look alike,
    and are in one place where the pictures are aligned.
    """
    rng = np.random.default_rng([seed, (*ALIGNED, *UNALIGNED).index(kind)])
    take, first = _KINDS[kind](), _place(rng)
    pictures, masks = [], []
    for i in range(n_normal + n_defective):
        picture, mask = take(rng), np.zeros((SIDE, SIDE), dtype=bool)
        if i >= n_normal:
            look = np.random.default_rng([seed, 99]) if repeated else rng
            defect = DEFECTS[(seed if repeated else i - n_normal) % len(DEFECTS)]
            place = _place(rng)
            if repeated and kind in ALIGNED:
                place = first + rng.uniform(-3, 3, 2)
            picture, mask = defect(picture, place, look)
        if kind in ALIGNED:
            picture = _photographed(picture, rng)
        pictures.append((255 * picture.clip(0, 1)).round().astype(np.uint8))
        masks.append(mask)
    return np.stack(pictures), np.stack(masks)


def _place(rng: np.random.Generator) -> NDArray[np.float64]:
    return rng.uniform(MARGIN, SIDE - MARGIN, 2)


def _photographed(picture: Picture, rng: np.random.Generator) -> Picture:
    """Change the brightness a little, unevenly, and add a camera's noise."""
    across = np.linspace(-1, 1, SIDE)
    slopes = rng.normal(scale=0.02, size=2)
    light = rng.normal(1, 0.03) + slopes[0] * across[:, None] + slopes[1] * across
    return picture * light[:, :, None] + rng.normal(scale=0.015, size=picture.shape)


# Defects: each changes a picture and says where.


def _scratch(
    picture: Picture, place: NDArray[np.float64], rng: np.random.Generator
) -> tuple[Picture, Mask]:
    """Draw a thin line, lighter or darker than what is below it."""
    length, width, angle = rng.uniform(20, 50), rng.uniform(1.2, 2.5), rng.uniform(0, np.pi)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    down, right = rows - place[0], columns - place[1]
    along = down * np.sin(angle) + right * np.cos(angle)
    away = down * np.cos(angle) - right * np.sin(angle) - along**2 / 300  # a little bent
    mask = (np.abs(along) < length / 2) & (np.abs(away) < width)
    strength = ndimage.gaussian_filter(mask.astype(float), 0.6)[:, :, None]
    return picture + rng.choice([-1, 1]) * rng.uniform(0.2, 0.4) * strength, mask


def _spot(
    picture: Picture, place: NDArray[np.float64], rng: np.random.Generator
) -> tuple[Picture, Mask]:
    """Put a stain or a hole somewhere, of any colour."""
    radius, stretch = rng.uniform(4, 9), rng.uniform(0.7, 1.4)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    mask = np.hypot((rows - place[0]) * stretch, (columns - place[1]) / stretch) < radius
    strength = ndimage.gaussian_filter(mask.astype(float), 1.0)[:, :, None]
    opacity = rng.uniform(0.4, 0.8)
    return picture * (1 - opacity * strength) + opacity * strength * rng.uniform(0, 1, 3), mask


def _misplaced(
    picture: Picture, place: NDArray[np.float64], rng: np.random.Generator
) -> tuple[Picture, Mask]:
    """Put a piece of the picture where it does not belong, turned: a misprint, a wrong part."""
    side = int(rng.integers(14, 26))
    top, left = np.minimum(place, SIDE - MARGIN - side).astype(int)
    from_top, from_left = rng.integers(MARGIN, SIDE - MARGIN - side, 2)
    piece = np.rot90(picture[from_top : from_top + side, from_left : from_left + side])
    covered = np.s_[top : top + side, left : left + side]
    changed, mask = picture.copy(), np.zeros((SIDE, SIDE), dtype=bool)
    changed[covered] = piece
    # Only what differs to the eye is a defect.
    mask[covered] = np.abs(changed - picture).mean(axis=2)[covered] > 0.05
    if mask.sum() < 30:  # the piece looks like what it covers
        return _spot(picture, place, rng)
    return changed, mask


DEFECTS = (_scratch, _spot, _misplaced)


# Kinds: each returns a function that gives one picture after another.


def _plate() -> Callable[[np.random.Generator], Picture]:
    """Draw a brushed plate with four screws and a window, shifted by up to two pixels."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    inside = (abs(rows - 112) < 92) & (abs(columns - 112) < 92)
    base = np.full((SIDE, SIDE, 3), 0.12)
    brushed = ndimage.gaussian_filter1d(np.random.default_rng(7).normal(size=(SIDE, SIDE)), 9, 1)
    base[inside] = (0.55 + 0.12 * brushed[inside])[:, None] * [1.0, 0.98, 0.94]
    for row in (46, 178):
        for column in (46, 178):
            away = np.hypot(rows - row, columns - column)
            base[away < 15] = [0.75, 0.72, 0.6]
            base[away < 10] = [0.45, 0.42, 0.35]
            base[(away < 9) & (abs(rows - row) < 2)] = 0.15
    base[(abs(rows - 112) < 30) & (abs(columns - 112) < 44)] = [0.1, 0.2, 0.35]
    base = ndimage.gaussian_filter(base, (0.7, 0.7, 0))

    def take(rng: np.random.Generator) -> Picture:
        return ndimage.shift(base, (*rng.uniform(-2, 2, 2), 0), order=1, mode="nearest")

    return take


def _print() -> Callable[[np.random.Generator], Picture]:
    """Draw a printed label: lines of text, a frame and bars, shifted by up to two pixels."""
    from PIL import Image, ImageDraw, ImageFont

    label = Image.new("RGB", (SIDE, SIDE), (236, 230, 214))
    pen = ImageDraw.Draw(label)
    pen.rectangle((14, 14, 209, 209), outline=(40, 60, 120), width=4)
    pen.text((28, 28), "LOFE No. 21", fill=(170, 30, 40), font=ImageFont.load_default(26))
    lines = ("Keep dry and cool.", "Contents: 250 g", "Best before: see lid", "Batch 7741-B")
    for i, line in enumerate(lines):
        pen.text((28, 68 + 19 * i), line, fill=(30, 30, 30), font=ImageFont.load_default(14))
    left = 30
    for i, width in enumerate(np.random.default_rng(5).integers(2, 6, 40)):
        if left + width > 194:
            break
        if i % 2 == 0:
            pen.rectangle((left, 154, left + int(width) - 1, 196), fill=(20, 20, 20))
        left += int(width)
    base = np.asarray(label) / 255

    def take(rng: np.random.Generator) -> Picture:
        shift = (*rng.uniform(-2, 2, 2), 0)
        return ndimage.shift(base, shift, order=1, mode="nearest")

    return take


def _scene() -> Callable[[np.random.Generator], Picture]:
    """Show a temple from a fixed place, shifted by up to two pixels."""
    from sklearn.datasets import load_sample_image

    base = load_sample_image("china.jpg")[140:368, 60:288] / 255.0

    def take(rng: np.random.Generator) -> Picture:
        shift = (*rng.uniform(-2, 2, 2), 0)
        return ndimage.shift(base, shift, order=1)[2:-2, 2:-2]

    return take


def _weave() -> Callable[[np.random.Generator], Picture]:
    """Draw woven threads, of another place and slant in each picture."""

    def take(rng: np.random.Generator) -> Picture:
        rows, columns = np.mgrid[:SIDE, :SIDE]
        angle, phase = rng.uniform(-0.1, 0.1), rng.uniform(0, 100, 2)
        across = rows * np.cos(angle) + columns * np.sin(angle) + phase[0]
        along = columns * np.cos(angle) - rows * np.sin(angle) + phase[1]
        over = (np.floor(across / 7) + np.floor(along / 7)) % 2 == 0
        threads = np.where(
            over, np.abs(np.sin(np.pi * across / 7)), np.abs(np.sin(np.pi * along / 7))
        )
        uneven = ndimage.gaussian_filter(rng.normal(size=(SIDE, SIDE)), 2)
        grey = 0.25 + 0.4 * threads + 0.25 * uneven
        return grey[:, :, None] * [0.75, 0.85, 1.0]

    return take


def _surface(name: str) -> Callable[[], Callable[[np.random.Generator], Picture]]:
    """Cut pieces of a photograph of a surface, mirrored at random."""

    def open_surface() -> Callable[[np.random.Generator], Picture]:
        from PIL import Image

        whole = np.asarray(Image.open(_of_scikit_image(f"{name}.png")).convert("L")) / 255

        def take(rng: np.random.Generator) -> Picture:
            top, left = (rng.integers(size - SIDE) for size in whole.shape)
            piece = whole[top : top + SIDE, left : left + SIDE]
            piece = piece[:, :: rng.choice([-1, 1])]
            return np.repeat(piece[:, :, None], 3, axis=2) * rng.normal(1, 0.03)

        return take

    return open_surface


def _of_scikit_image(name: str) -> Path:
    found = importlib.util.find_spec("skimage")
    if found is None or found.origin is None:
        raise ImportError(
            f"{name} comes with scikit-image. Install it with: pip install scikit-image"
        )
    return Path(found.origin).parent / "data" / name


_KINDS = {
    "plate": _plate,
    "print": _print,
    "scene": _scene,
    "weave": _weave,
    "brick": _surface("brick"),
    "gravel": _surface("gravel"),
}
