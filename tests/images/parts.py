"""Small pictures of one part with noise, some with a hole, and a network that costs nothing."""

import io

import numpy as np
import torch
from PIL import Image

from lofe_sklearn.features import ImageFeatures
from lofe_sklearn.images import PatchDetector

SIDE, GRID = 32, 8


class Averages(torch.nn.Module):
    """Means and spreads of small blocks. It holds no tensor, so that it has a stable hash."""

    def forward(self, images):
        means = torch.nn.functional.avg_pool2d(images, 4)
        squares = torch.nn.functional.avg_pool2d(images**2, 4)
        return torch.cat([means, (squares - means**2).clamp(min=0).sqrt()], dim=1)


def small(grid_size=GRID, images=None, **parameters):
    images = images or ImageFeatures(
        Averages(), image_size=SIDE, pooling="grid", grid_size=grid_size, device="cpu"
    )
    return PatchDetector(images, **{"random_state": 0, **parameters})


def parts(n_normal=30, n_defective=4, *, seed=0, aligned=True, same_place=False):
    """Return pictures (n, 32, 32), the defective ones last, and masks."""
    rng = np.random.default_rng(seed)
    pattern = np.kron(np.random.default_rng(99).uniform(0.3, 0.7, (16, 16)), np.ones((2, 2)))
    n = n_normal + n_defective
    pictures = np.stack([pattern] * n)
    if not aligned:
        shifts = 4 * rng.integers(0, 8, (n, 2))
        pictures = np.stack(
            [np.roll(p, tuple(s), (0, 1)) for p, s in zip(pictures, shifts, strict=True)]
        )
    pictures += rng.normal(scale=0.02, size=pictures.shape)
    masks = np.zeros(pictures.shape, dtype=bool)
    for i in range(n_normal, n):
        top, left = (9, 17) if same_place else rng.integers(0, SIDE - 6, 2)
        masks[i, top : top + 6, left : left + 6] = True
    pictures[masks] = 0.0
    return pictures.clip(0, 1), masks


def encoded(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def write_folder(folder, pictures):
    folder.mkdir()
    for i, pixels in enumerate(pictures):
        (folder / f"{i:03}.png").write_bytes(encoded(pixels))
    return folder
