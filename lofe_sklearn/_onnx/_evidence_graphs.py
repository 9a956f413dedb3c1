"""The classical detectors of LOE's evidence as torch modules, so that they can be exported.

Each computes what ``outlier_scores`` of the detector computes, with operations of tensors only.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lofe_sklearn._loe._classical import Forest, Neighbors, RobustCovariance
from lofe_sklearn._loe._evidence import LEAST
from lofe_sklearn._loe._local_density import FURTHEST, TIE, LocalDensity
from lofe_sklearn._loe._trees_as_bits import average_path_length, rounded_down
from lofe_sklearn._onnx._not_exportable import NotExportable
from lofe_sklearn._onnx._scale_graph import Scaled
from lofe_sklearn.engine import Scaling

_LARGEST = float(np.finfo(np.float32).max)
# The bound at which standardised values are clipped, as in the detectors.
_FAR = 1e100


class ForestGraph(nn.Module):
    """An isolation forest: each row falls through all trees at once, level by level."""

    shift: Tensor
    units: Tensor
    roots: Tensor
    feature: Tensor
    threshold: Tensor
    left: Tensor
    right: Tensor
    length: Tensor
    scale: Tensor

    def __init__(self, detector: Forest) -> None:
        super().__init__()
        forest = detector.forest_
        trees = [tree.tree_ for tree in forest.estimators_]
        features = forest.estimators_features_
        start = np.cumsum([0, *(tree.node_count for tree in trees)])
        feature, threshold, left, right, length = [], [], [], [], []
        for tree, columns, first in zip(trees, features, start, strict=False):
            own = np.arange(tree.node_count)
            is_leaf = tree.children_left < 0
            feature.append(np.where(is_leaf, 0, np.asarray(columns)[np.maximum(tree.feature, 0)]))
            threshold.append(np.where(is_leaf, 0.0, tree.threshold))
            # A row that has reached a leaf stays there.
            left.append(first + np.where(is_leaf, own, tree.children_left))
            right.append(first + np.where(is_leaf, own, tree.children_right))
            length.append(_depths(tree) + average_path_length(tree.n_node_samples))
        self.depth = max(tree.max_depth for tree in trees)
        self.register_buffer("shift", torch.as_tensor(detector.shift_))
        self.register_buffer("units", torch.as_tensor(detector.units_))
        self.register_buffer("roots", torch.as_tensor(start[:-1]))
        self.register_buffer("feature", torch.as_tensor(np.concatenate(feature)))
        # Trees compare float32 values with float64 thresholds. The largest float32 that is not
        # above a threshold gives the same comparisons.
        self.register_buffer("threshold", torch.as_tensor(rounded_down(np.concatenate(threshold))))
        self.register_buffer("left", torch.as_tensor(np.concatenate(left)))
        self.register_buffer("right", torch.as_tensor(np.concatenate(right)))
        self.register_buffer("length", torch.as_tensor(np.concatenate(length)))
        usual = average_path_length(np.array([forest.max_samples_]))[0]
        self.register_buffer("scale", _number(len(trees) * usual if usual > 0 else 1.0))

    def forward(self, x: Tensor) -> Tensor:
        x = ((x - self.shift) / self.units).clamp(-_LARGEST, _LARGEST).to(torch.float32)
        node = self.roots.expand(x.shape[0], -1)
        for _ in range(self.depth):
            goes_left = x.gather(1, self.feature[node]) <= self.threshold[node]
            node = torch.where(goes_left, self.left[node], self.right[node])
        return torch.exp2(-self.length[node].sum(dim=1) / self.scale)


def _number(value: float) -> Tensor:
    """Return a constant in double precision; a Python number would be stored in single."""
    return torch.tensor(value, dtype=torch.float64)


def _depths(tree: Any) -> np.ndarray:
    """Return the number of splits above each node."""
    depths = np.zeros(tree.node_count)
    for node in range(tree.node_count):  # children come after their parent
        for child in (tree.children_left[node], tree.children_right[node]):
            if child >= 0:
                depths[child] = depths[node] + 1
    return depths


class _Standardised(nn.Module):
    """Rows in standard deviations from the mean of the training rows."""

    def __init__(self, scaling: Scaling | None) -> None:
        super().__init__()
        self.scale = Scaled(scaling)

    def forward(self, x: Tensor) -> Tensor:
        return self.scale(x).clamp(-_FAR, _FAR)


class NeighborsGraph(nn.Module):
    """The distance to the k-th nearest of the rows that were kept."""

    rows: Tensor

    def __init__(self, detector: Neighbors) -> None:
        super().__init__()
        self.standardised = _Standardised(detector.scaling_)
        self.register_buffer("rows", torch.as_tensor(detector.standardised_rows()))
        self.k = detector.k

    def forward(self, x: Tensor) -> Tensor:
        x = self.standardised(x)
        # Products find the nearest rows, as they need little memory; differences then give the
        # exact distance.
        order = self.rows.square().sum(dim=1) - 2.0 * (x @ self.rows.T)
        nearest = order.topk(self.k, dim=1, largest=False, sorted=True).indices
        return (x - self.rows[nearest[:, -1]]).square().sum(dim=1).sqrt()


class LocalDensityGraph(nn.Module):
    """The local outlier factor by the rows that were kept."""

    rows: Tensor
    reach: Tensor
    density: Tensor

    def __init__(self, detector: LocalDensity) -> None:
        super().__init__()
        self.standardised = _Standardised(detector.scaling_)
        self.register_buffer("rows", torch.as_tensor(detector.standardised_rows()))
        self.register_buffer("reach", torch.as_tensor(detector.reach_))
        self.register_buffer("density", torch.as_tensor(detector.density_))
        self.k = detector.k

    def forward(self, x: Tensor) -> Tensor:
        x = self.standardised(x)
        sizes = x.square().sum(dim=1, keepdim=True) + self.rows.square().sum(dim=1)
        near = (sizes / 2.0 - x @ self.rows.T).clamp(0.0, FURTHEST)
        kth = near.topk(self.k, dim=1, largest=False, sorted=True).values[:, -1:]
        are_near = (near <= kth * (1.0 + TIE)).to(near.dtype)
        n_near = are_near.sum(dim=1)
        reach = torch.maximum((2.0 * near).sqrt(), self.reach)
        density = (are_near @ self.density) / n_near
        return density * (reach * are_near).sum(dim=1) / n_near


class RobustCovarianceGraph(nn.Module):
    """The Mahalanobis distance."""

    varies: Tensor
    location: Tensor
    precision: Tensor

    def __init__(self, detector: RobustCovariance) -> None:
        super().__init__()
        self.standardised = _Standardised(detector.scaling_)
        self.register_buffer("varies", torch.as_tensor(np.flatnonzero(detector.varies_)))
        self.register_buffer("location", torch.as_tensor(detector.location_))
        self.register_buffer("precision", torch.as_tensor(detector.precision_))

    def forward(self, x: Tensor) -> Tensor:
        away = self.standardised(x).index_select(1, self.varies) - self.location
        return ((away @ self.precision) * away).sum(dim=1).clamp(min=0.0).sqrt()


_GRAPHS: dict[type, Any] = {
    Forest: ForestGraph,
    Neighbors: NeighborsGraph,
    RobustCovariance: RobustCovarianceGraph,
    LocalDensity: LocalDensityGraph,
}


class EvidenceGraph(nn.Module):
    """The mean of the detectors' standardised logarithms, cut off below, high for anomalies."""

    lowest: Tensor
    floor: Tensor
    center: Tensor
    spread: Tensor

    def __init__(self, evidence: Any) -> None:
        super().__init__()
        for source in evidence.sources:
            if type(source.detector) not in _GRAPHS:
                raise NotExportable(
                    f"the evidence {source.name!r} ({type(source.detector).__name__}) is a "
                    "detector that has no graph here. Fit with evidence='auto', with some of "
                    "'iforest', 'knn', 'mcd' and 'lof', or with None"
                )
        sources = evidence.sources
        self.detectors = nn.ModuleList(_GRAPHS[type(s.detector)](s.detector) for s in sources)
        for name in ("lowest", "floor", "center", "spread"):
            values = [float(getattr(source, name)) for source in sources]
            self.register_buffer(name, torch.tensor(values, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        scores = torch.stack([detector(x) for detector in self.detectors], dim=1)
        logs = ((scores - self.lowest).clamp(min=0.0) + self.floor).log()
        return ((logs - self.center) / self.spread).clamp(min=LEAST).mean(dim=1)
