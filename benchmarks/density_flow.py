"""Which losses does a normalizing flow need under LOE?

    OMP_NUM_THREADS=1 python -m benchmarks.density_flow [--sets thyroid ...] [--seeds 5]

The LOE paper's tabular protocol: half of the normal rows and a tenth of anomalies to train on, the
rest to test on; LOE is told the ratio. The flow is that of `docs/add_a_backbone.md`, trained by
`density_losses`, or by `energy_losses` of the softplus of its negative log-density.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from itertools import product
from numbers import Integral
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lofe_sklearn import LOE
from lofe_sklearn.backbones import (
    MLP,
    Backbone,
    Number,
    OneOf,
    density_losses,
    energy_losses,
)
from lofe_sklearn.datasets import fetch_odds, load_thyroid, loe_tabular_split
from lofe_sklearn.metrics import f1_at_true_ratio, roc_auc

LOSSES = ("energy", "density")
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
        "losses": OneOf(LOSSES),
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


def run(cell: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Train the flow once; yield the row of its results."""
    name, seed = cell["dataset"], cell["seed"]
    X, y = (
        load_thyroid(return_X_y=True)
        if name == "thyroid"
        else fetch_odds(name, data_home=cell.get("data"), return_X_y=True)
    )
    X, X_test, _, y_test = loe_tabular_split(X, y, contamination=0.1, random_state=seed)
    flow = Flow(losses=cell["losses"])
    loe = LOE(flow, method=cell["method"], contamination=0.1, random_state=seed).fit(X)
    scores = loe.score_samples(X_test)
    yield {"f1": f1_at_true_ratio(y_test, scores), "roc_auc": roc_auc(y_test, scores)}


def tables(rows: list[dict[str, Any]]) -> str:
    """Return F1 of each set by losses and method: the mean over the seeds, and their spread."""
    lines = [f"| data set | losses | {' | '.join(METHODS)} |", "|---|---|" + "---|" * len(METHODS)]
    for name, losses in product(dict.fromkeys(row["dataset"] for row in rows), LOSSES):
        cells = []
        for method in METHODS:
            wanted = (name, losses, method)
            f1 = [
                row["f1"]
                for row in rows
                if (row["dataset"], row["losses"], row["method"]) == wanted
            ]
            cells.append(f"{np.mean(f1):.3f} ± {np.std(f1):.3f}")
        lines.append(f"| {name} | {losses} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Run all cells and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sets", nargs="+", default=["thyroid"], help="names of sets of ODDS")
    parser.add_argument("--seeds", type=int, default=5, help="how many")
    parser.add_argument("--data", help="folder of data sets (default: LOFE_DATA)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for name, seed, losses, method in product(options.sets, range(options.seeds), LOSSES, METHODS):
        cell = {"dataset": name, "seed": seed, "losses": losses, "method": method}
        rows += [cell | row for row in run(cell | {"data": options.data})]
    print(tables(rows))


if __name__ == "__main__":
    main()
