"""Which losses does a normalizing flow need under LOE?

    python -m benchmarks study flow

The LOE paper's tabular protocol: half of the normal rows and a tenth of anomalies to train on, the
rest to test on; LOE is told the ratio. The flow is that of `docs/how_to/add_a_backbone.md`, which
turns rows into normal ones, trained by `density_losses`, or by `energy_losses` of the softplus of
its negative log-density; or `RealNVP` of the package, which turns them into values of Student's t
and is trained by `density_losses`, with as many epochs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from numbers import Integral
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.ledger import Row
from benchmarks.markdown import table
from benchmarks.means import grouped, short_name
from benchmarks.quality import quality
from benchmarks.sets import SOEL, load_table
from benchmarks.study import Axis, Study
from lofe_sklearn import LOE, RealNVP
from lofe_sklearn.backbones import (
    MLP,
    Backbone,
    Number,
    OneOf,
    density_losses,
    energy_losses,
)
from lofe_sklearn.datasets import loe_tabular_split

LOSSES = ("energy", "density", "density, Student's t")
METHODS = ("blind", "refine", "soft", "hard")


class FlowModule(nn.Module):
    """RealNVP: coupling layers that turn a row into a standard normal one, and their volume."""

    def __init__(self, n_features: int, n_layers: int, width: int, losses: str) -> None:
        super().__init__()
        self.losses = losses
        self.score_scale = "linear" if losses == "density" else "log"
        kept = (torch.arange(n_features) + torch.arange(n_layers)[:, None]) % 2
        self.register_buffer("kept", kept.float())
        sizes = [n_features, width, width, 2 * n_features]
        self.networks = nn.ModuleList(MLP(sizes) for _ in range(n_layers))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Both losses of the rows x, (b, d)."""
        log_volume = x.new_zeros(x.shape[0])
        for kept, network in zip(self.kept, self.networks, strict=True):
            log_scale, shift = network(x * kept).chunk(2, dim=1)
            log_scale, shift = torch.tanh(log_scale) * (1 - kept), shift * (1 - kept)
            x = x * torch.exp(log_scale) + shift
            log_volume = log_volume + log_scale.sum(dim=1)
        log_normal = -0.5 * (x.square() + math.log(2 * math.pi)).sum(dim=1)
        log_density = log_normal + log_volume
        if self.losses == "density":
            return density_losses(log_density)
        return energy_losses(F.softplus(-log_density))


class Flow(Backbone):
    """A normalizing flow with a choice of losses."""

    min_features = 2
    own_constraints = {
        "n_layers": Number(Integral, low=2),
        "width": Number(Integral, low=1),
        "losses": OneOf(LOSSES[:2]),
    }

    def __init__(
        self,
        *,
        n_layers: int = 4,
        width: int = 32,
        losses: str = "density",
        scaling: str | None = "standard",
        max_epochs: int = 50,
        **shared: Any,
    ) -> None:
        self.n_layers = n_layers
        self.width = width
        self.losses = losses
        super().__init__(scaling=scaling, max_epochs=max_epochs, **shared)

    def build_module(self, n_features: int) -> nn.Module:
        """Build the untrained flow."""
        return FlowModule(n_features, self.n_layers, self.width, self.losses)


def run(cell: Row) -> Iterator[Row]:
    """Train one flow by each method; yield a row for each."""
    X, y = load_table(cell["dataset"])
    X, X_test, _, y_test = loe_tabular_split(X, y, contamination=0.1, random_state=cell["seed"])
    for method in METHODS:
        losses = cell["losses"]
        flow = RealNVP(max_epochs=50) if losses == LOSSES[2] else Flow(losses=losses)
        loe = LOE(flow, method=method, contamination=0.1, random_state=cell["seed"]).fit(X)
        scores = loe.score_samples(X_test)
        yield {
            "method": method,
            **quality(y_test, scores, "f1", "roc_auc"),
        }


def tables(rows: list[Row]) -> str:
    """Return F1 of each set by losses and method: the mean over the seeds, and their spread."""
    groups = grouped(rows, "dataset", "losses", "method")
    lines = []
    for dataset, losses in grouped(rows, "dataset", "losses"):
        f1 = [[row["f1"] for row in groups[dataset, losses, method]] for method in METHODS]
        spreads = [f"{np.mean(values):.3f} ± {np.std(values):.3f}" for values in f1]
        lines.append([short_name(dataset), losses, *spreads])
    return table(["F1", "losses", *METHODS], lines)


STUDY = Study(
    "flow",
    "a normalizing flow, trained by three kinds of losses",
    axes={
        "dataset": Axis(("odds:thyroid", *SOEL[:-1], "odds:arrhythmia")),
        "seed": Axis(range(3)),
        "losses": Axis(LOSSES, choices=LOSSES, option="losses"),
    },
    run=run,
    tables=tables,
)
