"""A fitted detector as one torch module: rows in, scores and labels out."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import stack_module_state

from lofe_sklearn._loe import LOE
from lofe_sklearn._loe._ensemble import Ensemble
from lofe_sklearn._loe._scale import CommonScale
from lofe_sklearn._onnx._evidence_graphs import EvidenceGraph
from lofe_sklearn._onnx._not_exportable import NotExportable
from lofe_sklearn._onnx._scale_graph import AddedUp, Scaled
from lofe_sklearn.backbones import Backbone
from lofe_sklearn.engine import RowScaling, largest_of, sums_of
from lofe_sklearn.engine._stack import joined, takes_stacked_parameters

# The smallest loss whose logarithm is taken, as in `CommonScale`.
_TINY = 1e-12


class DetectorGraph(nn.Module):
    """Score and label of each row.

    A row whose score is NaN, because a value is missing or too large, gets the label -1.
    """

    offset: Tensor

    def __init__(self, detector: Any) -> None:
        super().__init__()
        if isinstance(detector, LOE):
            self.score: nn.Module = EnsembleGraph(detector._ensemble)
        elif isinstance(detector, Backbone):
            self.score = _Negative(LossGraph([detector]))
        else:
            raise NotExportable(
                f"{type(detector).__name__} is no detector of lofe_sklearn: LOE, a backbone, or a "
                "Pipeline or LOESearchCV that ends in one of them are exported"
            )
        self.register_buffer("offset", torch.tensor(float(detector.offset_), dtype=torch.float64))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        score = self.score(x.to(torch.float64))
        label = torch.where(score - self.offset >= 0, 1, -1)
        return score, label


class LossGraph(nn.Module):
    """Normal losses of M trained backbones that differ in their weights only, (M, n)."""

    largest: Tensor

    def __init__(self, members: list[Backbone]) -> None:
        super().__init__()
        modules = [copy.deepcopy(member.module_).cpu() for member in members]
        self.dtype = getattr(modules[0], "scoring_dtype", torch.float64)
        self.is_stacked = len(modules) > 1 and all(map(takes_stacked_parameters, modules))
        if self.is_stacked:
            with torch.no_grad():
                modules = [joined(modules[0], *stack_module_state(modules))]
        self.n_models = len(members)
        self.each = nn.ModuleList(module.to(self.dtype).eval() for module in modules)
        # A Python number would be stored in single precision.
        scaling = members[0]._scaling
        limit = RowScaling(scaling, members[0].n_features_in_).limit(largest_of(self.dtype))
        self.register_buffer("largest", torch.tensor(limit, dtype=torch.float64))
        self.scale, sums = Scaled(scaling), sums_of(scaling)
        self.add_up = nn.Identity() if sums is None else AddedUp(sums)

    def forward(self, x: Tensor) -> Tensor:
        # Not every module makes a NaN of a value that the detector would refuse, nor do limits.
        is_number = torch.isfinite(x)
        x = self.scale(x)
        usable = (is_number & (x.abs() <= self.largest)).all(dim=1)
        x = self.add_up(x).to(self.dtype)
        if self.is_stacked:
            loss_n = self.each[0](x.expand(self.n_models, *x.shape))[0]
        else:
            loss_n = torch.stack([module(x)[0] for module in self.each])
        return torch.where(usable, loss_n.to(torch.float64), torch.nan)


class _Negative(nn.Module):
    """Minus the loss of a single model."""

    def __init__(self, losses: LossGraph) -> None:
        super().__init__()
        self.losses = losses

    def forward(self, x: Tensor) -> Tensor:
        return -self.losses(x)[0]


class EnsembleGraph(nn.Module):
    """The score of LOE: members on their common scale, and evidence."""

    order: Tensor
    weight: Tensor

    def __init__(self, ensemble: Ensemble) -> None:
        super().__init__()
        self.stacks = nn.ModuleList()
        order: list[int] = []
        for name, stack in enumerate(ensemble.stacks):
            self.stacks.append(LossGraph([ensemble.members[m] for m in stack]))
            self.register_buffer(f"features{name}", torch.as_tensor(ensemble.features[stack[0]]))
            order += stack
        self.register_buffer("order", torch.as_tensor(np.argsort(order)))
        self.combine = _CombineGraph(ensemble.scale)
        self.evidence = None if ensemble.evidence is None else EvidenceGraph(ensemble.evidence)
        # A Python number would be stored in single precision.
        weight = 0.0 if ensemble.evidence is None else float(ensemble.evidence.weight)
        self.register_buffer("weight", torch.tensor(weight, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        losses = []
        for name, stack in enumerate(self.stacks):
            features: Any = getattr(self, f"features{name}")
            losses.append(stack(x.index_select(1, features)))
        scores = self.combine(torch.cat(losses).index_select(0, self.order))
        if self.evidence is None:
            return scores
        return (scores - self.weight * self.evidence(x)) / (1.0 + self.weight)


class _CombineGraph(nn.Module):
    """What `CommonScale.combine` computes."""

    take_log: Tensor
    center: Tensor
    spread: Tensor
    weights: Tensor

    def __init__(self, scale: CommonScale) -> None:
        super().__init__()
        self.is_standardised = scale.is_standardised
        self.register_buffer("take_log", torch.as_tensor(scale.take_log))
        self.register_buffer("center", torch.as_tensor(scale.center))
        self.register_buffer("spread", torch.as_tensor(scale.spread))
        self.register_buffer("weights", torch.as_tensor(np.asarray(scale.weights, float)))

    def forward(self, losses: Tensor) -> Tensor:
        if not self.is_standardised:
            return -losses[0]
        values = torch.where(self.take_log, losses.clamp(min=_TINY).log(), losses)
        units = (values - self.center) / self.spread
        return -(self.weights[:, None] * units).mean(dim=0)
