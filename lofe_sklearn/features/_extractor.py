"""From batches of images to pooled features of some of a network's layers."""

from __future__ import annotations

import math
import pickle
import threading
from collections.abc import Callable, Sequence
from copy import copy, deepcopy
from typing import Any

import joblib
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from lofe_sklearn import engine
from lofe_sklearn._errors_of_others import is_of_memory
from lofe_sklearn.features._fingerprint import source_of_code, values_of_network
from lofe_sklearn.features._networks import Network
from lofe_sklearn.features._quick_network import channels_last, quick_copy

# All threads that run a network share its hooks: without a lock one thread would get another's
# outputs.
_HOOKED = threading.Lock()
# One thread makes the quicker copy of a network; the others wait for it.
_PREPARING = threading.Lock()


class Extractor:
    """A frozen network, the layers to read, and the preprocessing of images.

    Parameters
    ----------
    network : Network
    layers : sequence of str, optional
        Names of the modules whose outputs are taken, as `Module.named_modules` has them. Default:
        the network's last features.
    grid_size : int, optional
        Pool over a grid with this number of patches in both directions. Default: over the whole
        image.
    image_size : int, optional
        Default: the network's own.
    preprocess : callable, optional
        Replaces resizing and normalising: turns (3, h, w), from 0 to 1, into the network's input.
    owner : str
        Name of the estimator, for errors.
    """

    def __init__(
        self,
        network: Network,
        *,
        layers: Sequence[str] | None,
        grid_size: int | None,
        image_size: int | None,
        preprocess: Callable[[torch.Tensor], torch.Tensor] | None,
        owner: str,
    ):
        self.network = network
        self.layers = None if layers is None else tuple(layers)
        self.grid_size = grid_size
        self.image_size = image_size or network.image_size
        self.preprocess = preprocess
        self.owner = owner
        self.device = torch.device("cpu")
        self._quick: Network | None = None
        names = [name for name, _ in network.module.named_modules() if name]
        for layer in self.layers or ():
            if layer not in names:
                raise ValueError(
                    f"{owner}: the network {type(network.module).__name__} has no layer {layer!r}. "
                    f"It has {', '.join(names[:8])}{', ...' if len(names) > 8 else ''}."
                )

    def on(self, device: torch.device) -> Extractor:
        """Return this, with the network on `device`."""
        if device.type == "cpu":
            return self
        there = copy(self)
        there.network = deepcopy(self.network)
        there.network.module.to(device)
        there.device = device
        return there

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_quick": None}

    @engine.plain_torch()
    def __call__(self, images: Sequence[np.ndarray], name: str = "") -> np.ndarray:
        """Return the features (n, d) of images (h, w, c), float32; `name` the first in errors."""
        batch = torch.stack([self.prepare(image) for image in images])
        batch = batch.to(self.device, self._kind_of_numbers())
        try:
            network = self._quick_network(batch)
            laid_out = batch if network is self.network else channels_last(batch)
            outputs = self.outputs(network, laid_out)
        except RuntimeError as error:
            if is_of_memory(error):
                raise
            raise ValueError(
                f"{self.owner}: the network {type(self.network.module).__name__} cannot take a "
                f"batch of shape {tuple(batch.shape)}: {error}. Set image_size, or preprocess if "
                "it takes another number of channels."
            ) from error
        return self.pool(outputs, name).cpu().numpy()

    def _kind_of_numbers(self) -> torch.dtype:
        """Return the type that the network computes in: of its first weights."""
        weights = self.network.module.parameters()
        return next((w.dtype for w in weights if w.is_floating_point()), torch.float32)

    def prepare(self, image: np.ndarray) -> torch.Tensor:
        """Resize and normalise one image (h, w, c) for the network."""
        pixels = torch.from_numpy(np.ascontiguousarray(as_rgb(image).transpose(2, 0, 1)))
        if self.preprocess is not None:
            prepared = self.preprocess(pixels)
            if not (isinstance(prepared, torch.Tensor) and prepared.ndim == 3):
                came = getattr(prepared, "shape", None)
                raise ValueError(
                    f"{self.owner}: preprocess must return a tensor (channels, h, w), as the "
                    f"network takes it; got {type(prepared).__name__}"
                    f"{'' if came is None else f' of shape {tuple(came)}'}."
                )
            return prepared
        size = (self.image_size, self.image_size)
        if pixels.shape[1:] != size:
            pixels = F.interpolate(
                pixels[None], size, mode="bilinear", align_corners=False, antialias=True
            )[0]
        mean, std = (torch.tensor(v)[:, None, None] for v in (self.network.mean, self.network.std))
        return (pixels - mean) / std

    def _quick_network(self, batch: torch.Tensor) -> Network:
        """Return what computes the outputs: on a CPU a quicker copy, made for the first batch."""
        if self.device.type != "cpu":
            return self.network
        with _PREPARING:
            if self._quick is None:
                self._quick = quick_copy(self.network, batch[:1], self.outputs, self.layers or ())
        return self._quick

    def outputs(self, network: Network, batch: torch.Tensor) -> list[torch.Tensor]:
        """Return the outputs of the chosen layers of a network, in their order."""
        with torch.inference_mode():
            if self.layers is None:
                return [self._checked(network.features(batch), "the network", len(batch))]
            found: dict[str, torch.Tensor] = {}
            modules = dict(network.module.named_modules())
            with _HOOKED:
                hooks = []
                try:
                    for name in self.layers:
                        hooks.append(modules[name].register_forward_hook(_keep(found, name)))
                    network.module(batch)
                finally:
                    for hook in hooks:
                        hook.remove()
        return [
            self._checked(found.get(name), f"layer {name!r}", len(batch)) for name in self.layers
        ]

    def pool(self, outputs: list[torch.Tensor], name: str = "") -> torch.Tensor:
        """Pool maps (n, C, h, w), tokens (n, T, C) or vectors (n, C) to one row for each image."""
        pooled = []
        finest = max(min(as_maps(output).shape[2:]) for output in outputs)
        if self.grid_size is not None and 1 < finest < self.grid_size:
            raise ValueError(
                f"{self.owner}: grid_size={self.grid_size} is larger than the maps of the network, "
                f"which are {finest} by {finest} at most{f' for {name}' if name else ''}. Set "
                f"grid_size={finest} or less, name earlier layers, or raise image_size."
            )
        for output in outputs:
            maps = as_maps(output)
            if self.grid_size is None:
                pooled.append(maps.mean(dim=(2, 3)))
            elif maps.shape[2] * maps.shape[3] == 1:
                raise ValueError(
                    f"{self.owner}: pooling='grid' needs layers whose outputs have a height and a "
                    f"width; got an output of shape {tuple(output.shape)}. Name other layers, or "
                    "set pooling='average'."
                )
            else:
                grid = F.adaptive_avg_pool2d(maps, self.grid_size)
                pooled.append(grid.permute(0, 2, 3, 1))  # (n, g, g, C)
        return torch.cat(pooled, dim=-1).flatten(start_dim=1).float()

    def patches(self, features: np.ndarray, n_features: int) -> np.ndarray:
        """Take rows that were pooled over a grid apart, into (n, g, g, C)."""
        if self.grid_size is None:
            raise ValueError(f"{self.owner}: patches needs pooling='grid'; got 'average'.")
        if features.ndim != 2 or features.shape[1] != n_features:
            raise ValueError(
                f"{self.owner}: patches takes what transform gave, (n, {n_features}); got the "
                f"shape {features.shape}."
            )
        return features.reshape(len(features), self.grid_size, self.grid_size, -1)

    def _checked(self, output: Any, source: str, n_images: int) -> torch.Tensor:
        is_tensor = isinstance(output, torch.Tensor)
        if is_tensor and output.ndim in (2, 3, 4) and len(output) == n_images:
            if output.is_floating_point() and output.layout is torch.strided:
                return output
            came = f"{output.dtype}, {output.layout}"
            needed = "a dense tensor of floats; convert it, as by .float(), .abs() or .to_dense()"
        else:
            came = str(tuple(output.shape)) if is_tensor else type(output).__name__
            needed = f"a tensor (n, C, h, w), (n, T, C) or (n, C), of n={n_images} images here"
        raise ValueError(f"{self.owner}: {source} must give {needed}; got {came}.")

    def fingerprint(self) -> str:
        """Return values that change whenever the features would change.

        They are the values of the network, the source of its classes and of `preprocess` if it can
        be read, and the settings.
        """
        asked = (self.layers, self.grid_size, self.image_size, self.network.mean, self.network.std)
        kind = self.device.type
        try:
            values = values_of_network(self.network.module)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise ValueError(
                f"{self.owner}: memory needs a network that can be told from others; an attribute "
                f"of {type(self.network.module).__name__} cannot be pickled ({error}). Set "
                "memory=None, or keep numbers, tensors, functions and modules in it."
            ) from error
        try:
            own = (self.preprocess, source_of_code(self.preprocess))
            return joblib.hash((values, asked, kind, own))
        except (pickle.PicklingError, AttributeError) as error:
            raise ValueError(
                f"{self.owner}: memory needs a preprocess that can be pickled; got "
                f"{self.preprocess!r}. Define it as a function of a module."
            ) from error


def as_rgb(image: np.ndarray) -> np.ndarray:
    """Repeat grey three times, and show transparent pixels on white."""
    if image.shape[2] == 1:
        return np.repeat(image, 3, axis=2)
    if image.shape[2] == 4:
        opacity = image[:, :, 3:]
        return image[:, :, :3] * opacity + (1 - opacity)
    return image


def as_maps(output: torch.Tensor) -> torch.Tensor:
    """Arrange tokens as a map, without those that have no place; a vector is one cell."""
    if output.ndim == 2:
        return output[:, :, None, None]
    if output.ndim == 4:
        return output
    n, n_tokens, channels = output.shape
    side = math.isqrt(n_tokens)
    places = output[:, n_tokens - side * side :]
    return places.transpose(1, 2).reshape(n, channels, side, side)


def _keep(found: dict[str, torch.Tensor], name: str) -> Callable[..., None]:
    def hook(_module: nn.Module, _inputs: Any, output: torch.Tensor) -> None:
        # A copy, since a later layer may write into it, as ReLU(inplace=True) does.
        found[name] = output.clone() if isinstance(output, torch.Tensor) else output

    return hook
