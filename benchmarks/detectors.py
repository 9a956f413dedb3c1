"""Detectors of the benchmarks by name: this library's, and any other that can be imported."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any

from sklearn.utils import get_tags

from benchmarks.peers.detectors import PEERS, Peer, PeerError, build
from lofe_sklearn import LOE, NeuTraL, RealNVP, backbones
from lofe_sklearn.backbones import Backbone

_EXPORTED = [getattr(backbones, name) for name in backbones.__all__]
_CLASSES = [
    cls
    for cls in _EXPORTED
    if isinstance(cls, type) and issubclass(cls, Backbone) and cls is not Backbone
]


def _takes_images(cls: type[Backbone]) -> bool:
    return get_tags(cls()).input_tags.three_d_array


BACKBONES: dict[str, type[Backbone]] = {
    cls.__name__: cls for cls in _CLASSES if not _takes_images(cls)
}
# For pictures and their features.
IMAGE_BACKBONES: dict[str, Callable[..., Backbone]] = {
    **{cls.__name__: cls for cls in _CLASSES if _takes_images(cls)},
    "NeuTraL.for_features": NeuTraL.for_features,
}
# LOE with its own choices of backbones.
ENSEMBLES = ("LOE", "LOE.of_kinds")
METHODS = ("blind", "refine", "hard", "soft")
# How LOE is set up besides method and ratio. The paper's: a blind warm-up, labels in each batch.
# "5th neighbour" and "evidence": the same from first labels by these. "default": LOE's own choices.
SETTINGS: dict[str, dict[str, Any]] = {
    "paper": {"evidence": None, "init": None, "label_update": "batch"},
    "5th neighbour": {"evidence": None, "init": "knn", "label_update": "batch"},
    "evidence": {"evidence": None, "init": "evidence", "label_update": "batch"},
    "default": {},
}


def is_ours(detector: str) -> bool:
    """Whether the name is that of LOE's own choices, or one of its backbones."""
    return detector in ENSEMBLES or has_methods(detector)


def has_methods(detector: str) -> bool:
    """Whether the name is a backbone's, which LOE trains by one of its methods."""
    return detector in BACKBONES or detector in IMAGE_BACKBONES


def check(detector: str, params: dict[str, Any]) -> None:
    """Raise PeerError if there is no detector of that name, or it does not take `params`."""
    if is_ours(detector):
        try:
            build_ours(detector, "", "default", params, None, 0, "cpu")
        except TypeError as error:
            raise PeerError(str(error)) from error
        return
    near = difflib.get_close_matches(
        detector, (*ENSEMBLES, *BACKBONES, *IMAGE_BACKBONES), n=1, cutoff=0.7
    )
    if near and detector not in PEERS and ":" not in detector:
        raise PeerError(f"there is no detector {detector!r}. Did you mean {near[0]}?")
    build(detector, params, seed=0, n_features=2)


def build_ours(
    detector: str,
    method: str,
    setting: str,
    params: dict[str, Any],
    assumed_ratio: float | None,
    seed: int,
    device: str,
) -> LOE:
    """Make LOE around the backbone, or with one of its own choices of them."""
    options: dict[str, Any] = dict(SETTINGS[setting])
    if method:
        options["method"] = method
    if assumed_ratio:
        options["contamination"] = assumed_ratio
    elif assumed_ratio == 0:
        # No anomaly is assumed: nothing to label. The ratio only sets the threshold then.
        options |= {"method": "blind", "contamination": 0.1}
    options["random_state"] = seed
    if detector == "LOE":
        # Its own choice is for the CPU.
        kinds = (backbones.DeepSVDD, backbones.AutoEncoder, backbones.RealNVP)
        estimator = None if device == "cpu" else [cls(device=device) for cls in kinds]
        return LOE(estimator, **(options | params))
    if detector == "LOE.of_kinds":
        both: list[Backbone] = [NeuTraL(device=device), RealNVP(device=device)]
        return LOE.of_kinds(estimator=both, **(options | params))
    build = BACKBONES.get(detector) or IMAGE_BACKBONES[detector]
    return LOE(build(device=device, **params), **options)


def build_peer(
    detector: str,
    method: str,
    setting: str,
    params: dict[str, Any],
    assumed_ratio: float | None,
    seed: int,
    device: str,
    n_features: int,
) -> Peer:
    """Make a peer, which knows no method; its ratio only sets its threshold."""
    ratio = assumed_ratio or 0.1
    return build(detector, params, seed=seed, n_features=n_features, contamination=ratio)
