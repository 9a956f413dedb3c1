"""CPU time of `LOE()`, as a multiple of one Deep SVDD trained alone on the same rows.

    python -m benchmarks study cost
    python -m benchmarks study cost --detectors members "LOE()"

The tables are made up, with 5 % of anomalies. Gaussian: correlated columns, in which the anomalies
are shifted. One-hot: columns of categories that depend on a latent class; a fifth of an anomaly's
depends on nothing. Words: sparse weights of the words of texts about one of ten topics; a fifth of
an anomaly's words is drawn from all words.

"members" is `LOE(contamination=(.01, .4), evidence=None)`, which trains members and nothing else,
and is not timed on words; "4096 features" is `LOE(max_features=4096)`, for words only. Each and the
single Deep SVDD are timed in turn in one process; times are the smaller of two rounds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.metrics import average_precision_score, roc_auc_score

from benchmarks.ledger import Row
from benchmarks.machine import cpu_seconds
from benchmarks.markdown import table
from benchmarks.study import Axis, Study
from lofe_sklearn import LOE, DeepSVDD
from lofe_sklearn._detectors import OutlierDetector

N_ROUNDS = 2
RATIO = 0.05
DETECTORS: dict[str, Callable[..., OutlierDetector]] = {
    "members": partial(LOE, contamination=(0.01, 0.4), evidence=None),
    "LOE()": LOE,
    "4096 features": partial(LOE, max_features=4096),
}


def gaussian(n_rows: int, n_features: int) -> tuple[np.ndarray, np.ndarray]:
    """Correlated columns; the anomalies are shifted along random directions."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, n_features)) @ rng.normal(size=(n_features, n_features))
    y = (np.arange(n_rows) < RATIO * n_rows).astype(int)
    X[y == 1] += 2 * X.std() * rng.normal(size=(int(y.sum()), n_features))
    return X, y


def one_hot(n_rows: int, n_features: int) -> tuple[np.ndarray, np.ndarray]:
    """Columns of 20 categories by a latent class; anomalies take a fifth of theirs at random."""
    rng = np.random.default_rng(0)
    y = (np.arange(n_rows) < RATIO * n_rows).astype(int)
    latent, columns, n_levels = rng.integers(5, size=n_rows), [], 20
    for _ in range(0, n_features, n_levels):
        shares = rng.dirichlet(np.full(n_levels, 0.15), size=5)
        own = np.array([rng.choice(n_levels, p=shares[k]) for k in latent])
        anyhow = (y == 1) & (rng.random(n_rows) < 0.2)
        columns.append(np.eye(n_levels)[np.where(anyhow, rng.integers(20, size=n_rows), own)])
    return np.hstack(columns)[:, :n_features], y


def words(n_rows: int, n_features: int) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Texts of a hundred words, by a topic; anomalies take a fifth of theirs from all words."""
    rng = np.random.default_rng(0)
    y = (np.arange(n_rows) < RATIO * n_rows).astype(int)
    shares = 1 / np.arange(1, n_features + 1)  # Zipf's law, each topic with words of its own
    topics = [rng.permutation(n_features) for _ in range(10)]
    drawn = rng.choice(n_features, size=(n_rows, 100), p=shares / shares.sum())
    drawn = np.stack(
        [topics[k][own] for k, own in zip(rng.integers(10, size=n_rows), drawn, strict=True)]
    )
    anyhow = (y == 1)[:, None] & (rng.random(drawn.shape) < 0.2)
    drawn = np.where(anyhow, rng.integers(n_features, size=drawn.shape), drawn)
    where = np.repeat(np.arange(n_rows), 100), drawn.ravel()
    counts = sparse.csr_matrix((np.ones(drawn.size), where), shape=(n_rows, n_features))
    return TfidfTransformer(sublinear_tf=True).fit_transform(counts), y


TABLES = {
    "gaussian-5000x30": partial(gaussian, 5000, 30),
    "one-hot-2000x1555": partial(one_hot, 2000, 1555),
    "words-2000x30000": partial(words, 2000, 30000),
}


def applies(cell: Row) -> bool:
    """Whether the detector has a use for the table."""
    left_out = "members" if cell["table"].startswith("words") else "4096 features"
    return cell["detector"] != left_out


def run(cell: Row) -> Iterator[Row]:
    """Time a detector and a single Deep SVDD on one table."""
    X, y = TABLES[cell["table"]]()
    DeepSVDD(max_epochs=1).fit(X)  # warms up
    seconds: list[float] = []
    singles: list[float] = []
    for _ in range(N_ROUNDS):
        single = DeepSVDD(random_state=cell["seed"])
        singles.append(cpu_seconds(partial(single.fit, X)))
        detector = DETECTORS[cell["detector"]](random_state=cell["seed"])
        seconds.append(cpu_seconds(partial(detector.fit, X)))
    scores = -detector.score_samples(X)
    yield {
        "cpu_seconds": round(min(seconds), 3),
        "cpu_seconds_single": round(min(singles), 3),
        "multiple": round(min(seconds) / min(singles), 2),
        "roc_auc": round(float(roc_auc_score(y, scores)), 4),
        "average_precision": round(float(average_precision_score(y, scores)), 4),
    }


def tables(rows: list[Row]) -> str:
    """Return times, multiples and quality."""
    names = ("table", "seed", "detector", "cpu_seconds", "cpu_seconds_single", "multiple")
    header = ["table", "seed", "detector", "CPU s", "DeepSVDD()", "multiple", "ROC AUC / AP"]
    lines = []
    for row in rows:
        quality = f"{row['roc_auc']:.3f} / {row['average_precision']:.3f}"
        lines.append([*(row[name] for name in names), quality])
    return table(header, lines)


STUDY = Study(
    "cost",
    "CPU time of LOE(), as a multiple of a single Deep SVDD",
    axes={
        "table": Axis(tuple(TABLES), choices=tuple(TABLES)),
        "detector": Axis(tuple(DETECTORS), choices=tuple(DETECTORS)),
        "seed": Axis((0,)),
    },
    run=run,
    tables=tables,
    applies=applies,
)
