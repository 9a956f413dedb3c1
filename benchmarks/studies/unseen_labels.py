"""Whether a wrong ratio does less harm where no network labels the rows that it is trained on.

    python -m benchmarks study unseen-labels
    python -m benchmarks study unseen-labels --sets odds:satimage-2 --seeds 1

Rows that are marked are trained as anomalies, and then look like anomalies to the network that was
trained so: labels confirm themselves. Here they cannot do so by memory. The rows are split into two
halves with a network of NeuTraL's each, and each is labelled by the network of the other half,
which has never seen it. Beside it is one network that labels its own rows.

The LOE paper's tabular protocol with 10 % anomalies, at most 3,000 rows; 100 epochs, of which the
first quarter has the labels of an isolation forest, and each other one hard labels that are
inferred before it. Assumed are half of the ratio, the ratio, and twice the ratio.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from sklearn.ensemble import IsolationForest
from sklearn.preprocessing import MinMaxScaler
from torch import Tensor, nn

from benchmarks.ledger import Row
from benchmarks.markdown import table
from benchmarks.means import grouped, over_sets, short_name
from benchmarks.sets import load_table
from benchmarks.studies.wrong_ratio import ASSUMED, MAX_ROWS, RATIO
from benchmarks.study import Axis, Study
from lofe_sklearn import NeuTraL
from lofe_sklearn.datasets import loe_tabular_split
from lofe_sklearn.engine import Marked
from lofe_sklearn.metrics import f1_at_true_ratio

N_EPOCHS = 100
BATCH = 128
HARD = Marked(1.0)
# How many networks there are: that of the other half labels a row, or the only one there is.
WAYS = {"its own": 1, "unseen": 2}


def run(cell: Row) -> Iterator[Row]:
    """Train with each assumed ratio, and score the test rows."""
    X, y = load_table(cell["dataset"], MAX_ROWS)
    X, X_test, y, y_test = loe_tabular_split(X, y, contamination=RATIO, random_state=cell["seed"])
    scaler = MinMaxScaler().fit(X)
    rows, test_rows = (torch.from_numpy(scaler.transform(part)).float() for part in (X, X_test))
    forest = IsolationForest(random_state=cell["seed"]).fit(X)
    first = torch.from_numpy(-forest.score_samples(X)).float()
    for assumed, factor in ASSUMED.items():
        networks, labels = train(rows, first, RATIO * factor, WAYS[cell["labels"]], cell["seed"])
        scores = np.mean([_standardised(network, rows, test_rows) for network in networks], axis=0)
        early, late = (labels[at].bool().numpy() & (np.asarray(y) == 0) for at in (0, -1))
        yield {
            "assumed": assumed,
            "f1": round(float(f1_at_true_ratio(y_test, -scores)), 4),
            # Normal rows that are marked in the end, and of these, those of the first inference.
            "normal_marked": round(float(late.sum() / (np.asarray(y) == 0).sum()), 4),
            "marked_before": round(float((early & late).sum() / max(1, late.sum())), 4),
        }


def train(
    rows: Tensor, first: Tensor, ratio: float, n_networks: int, seed: int
) -> tuple[list[nn.Module], list[Tensor]]:
    """Train networks on a part of the rows each; return them and the labels of each epoch."""
    backbone, n_features = NeuTraL(), rows.shape[1]
    generator = torch.Generator().manual_seed(seed)
    parts = torch.randperm(len(rows), generator=generator).chunk(n_networks)
    networks, optimizers = [], []
    for number in range(n_networks):
        torch.manual_seed(100 * seed + number)
        networks.append(backbone.build_module(n_features))
        optimizers.append(
            torch.optim.Adam(
                networks[-1].parameters(),
                lr=backbone.choose_lr(n_features),
                weight_decay=backbone.weight_decay,
                fused=True,
            )
        )
    labels = [_marked(first, torch.zeros_like(first), ratio)]
    for epoch in range(N_EPOCHS):
        if epoch >= N_EPOCHS // 4:
            labels.append(_labelled(networks, rows, parts, ratio))
        for network, optimizer, part in zip(networks, optimizers, parts, strict=True):
            shuffled = part[torch.randperm(len(part), generator=generator)]
            for batch in shuffled.chunk(-(-len(part) // BATCH)):
                loss_n, loss_a = network(rows[batch])
                label = labels[-1][batch]
                optimizer.zero_grad()
                ((1 - label) * loss_n + label * loss_a).mean().backward()
                optimizer.step()
    return networks, labels[1:]


@torch.no_grad()
def _labelled(
    networks: list[nn.Module], rows: Tensor, parts: tuple[Tensor, ...], ratio: float
) -> Tensor:
    """Label each part of the rows by the next network, which is the same if there is only one."""
    labels = torch.zeros(len(rows))
    for number, part in enumerate(parts):
        judge = networks[(number + 1) % len(networks)]
        labels[part] = _marked(*judge(rows[part]), ratio)
    return labels


def _marked(loss_n: Tensor, loss_a: Tensor, ratio: float) -> Tensor:
    return HARD(loss_n[None], loss_a[None], torch.tensor([ratio]))[1][0]


@torch.no_grad()
def _standardised(network: nn.Module, rows: Tensor, test_rows: Tensor) -> np.ndarray:
    """Logarithms of the normal losses, on the scale of the training rows."""
    on_training, on_test = (network(part)[0].log().numpy() for part in (rows, test_rows))
    return (on_test - on_training.mean()) / on_training.std()


def tables(rows: list[Row]) -> str:
    """Return the F1 by what is assumed, and the results of the marked normal rows."""
    header = ["sets", "labelled by", "seeds", *(f"F1, {name}" for name in ASSUMED)]
    header += ["normal rows marked", "of these, in the first inference"]
    lines = []
    parts = {short_name(name): {name} for name in sorted({row["dataset"] for row in rows})}
    for name, sets in {"all": {row["dataset"] for row in rows}, **parts}.items():
        for (labels,), own in grouped((r for r in rows if r["dataset"] in sets), "labels").items():
            by = [[row for row in own if row["assumed"] == assumed] for assumed in ASSUMED]
            cells = [
                " / ".join(f"{100 * over_sets(some, [figure])[0]:.1f}" for some in by)
                for figure in ("normal_marked", "marked_before")
            ]
            f1 = [f"{100 * over_sets(some, ['f1'])[0]:.1f}" for some in by]
            lines.append([name, labels, len({row["seed"] for row in own}), *f1, *cells])
    return table(header, lines)


STUDY = Study(
    "unseen-labels",
    "a wrong ratio where no network labels the rows that it is trained on",
    axes={
        "labels": Axis(tuple(WAYS), choices=tuple(WAYS), option="labels"),
        "seed": Axis((0,)),
        "dataset": Axis(("odds:thyroid", "odds:cardio")),
    },
    run=run,
    tables=tables,
)
