"""Made-up tables of a size, with 5 % of anomalies.

Gaussian: correlated columns, in which the anomalies are shifted. One-hot: columns of categories
that depend on a latent class; a fifth of an anomaly's depends on nothing. Words: sparse weights of
the words of texts about one of ten topics; a fifth of an anomaly's words is drawn from all words.
Genes: columns that follow from twenty factors, each of them a fifth of the columns; a twentieth of
an anomaly's are disturbed.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import TfidfTransformer

RATIO = 0.05


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


def genes(n_rows: int, n_features: int) -> tuple[np.ndarray, np.ndarray]:
    """Positive columns that follow from factors; a twentieth of an anomaly's is disturbed."""
    rng = np.random.default_rng(0)
    y = (np.arange(n_rows) < RATIO * n_rows).astype(int)
    effects = rng.normal(size=(20, n_features)) * (rng.random((20, n_features)) < 0.2)
    noise = np.exp(0.3 * rng.normal(size=n_features))
    X = rng.normal(size=(n_rows, 20)) @ effects + noise * rng.normal(size=(n_rows, n_features))
    disturbed = (y == 1)[:, None] & (rng.random(X.shape) < 0.05)
    return np.exp(0.3 * (X + disturbed * rng.normal(scale=2.0, size=X.shape))), y
