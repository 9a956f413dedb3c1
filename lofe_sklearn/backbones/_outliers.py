"""Auxiliary outliers, from what users give to the rows below X that models are exposed to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import joblib
import numpy as np
import torch
from scipy import sparse

from lofe_sklearn import engine
from lofe_sklearn.datasets import make_outliers

if TYPE_CHECKING:
    from lofe_sklearn.backbones._base import Backbone
    from lofe_sklearn.backbones._training import Task

Rows: TypeAlias = np.ndarray | sparse.csr_matrix


def check_outliers(
    outliers: Any, backbone: Backbone, X: Rows, seed: int, owner: str
) -> Rows | None:
    """Validate outliers as the user gives them, or make synthetic ones.

    Parameters
    ----------
    outliers : array-like of shape (m, n_features), str or None
        Rows, or a kind of `lofe_sklearn.datasets.make_outliers`, of which as many are made as X
        has rows.
    backbone : Backbone
        After its `_check_training_rows`.
    X : {ndarray, CSR matrix} of shape (n, n_features)
        Validated training rows.
    seed : int
        Of synthetic ones.
    owner : str
        Whose parameter it is, for the messages.

    Raises
    ------
    ValueError
        If they have other features than X, or values that X may not have either.
    """
    if outliers is None:
        return None
    if isinstance(outliers, str):
        made = make_outliers(X, X.shape[0], kind=outliers, random_state=seed)  # type: ignore[arg-type]
        return _like(X, made)
    shape = np.shape(outliers) if not sparse.issparse(outliers) else outliers.shape
    if len(shape) < 2 or (len(shape) == 2 and shape[1] != X.shape[1]):
        raise ValueError(
            f"{owner}: outliers must be rows with the features of X, shape (n_outliers, "
            f"{X.shape[1]}); got shape {shape}. Transform them as X was; or name a kind of "
            "synthetic ones: 'uniform', 'shuffled' or 'gaussian'."
        )
    if shape[0] == 0:
        raise ValueError(f"{owner}: outliers has no rows. Pass None to train without.")
    try:
        rows = backbone._check_rows(outliers)
    except ValueError as error:
        raise ValueError(f"{owner}: outliers cannot be used. {error}") from error
    return _like(X, rows)


def _like(X: Rows, rows: Rows) -> Rows:
    """Give rows the precision of X; beside X of integers, pixels, they stay as they are."""
    return rows.astype(X.dtype, copy=False) if X.dtype.kind == "f" else rows


class OutliersBelow:
    """The outliers of a stack's tasks, each set of them once, as rows below those of X.

    Parameters
    ----------
    tasks : sequence of Task
    X : {ndarray, CSR matrix} of shape (n, n_features)
    """

    def __init__(self, tasks: Sequence[Task], X: Rows) -> None:
        self._sets: dict[str, Rows] = {}
        self._starts: dict[str, int] = {}
        self._key_of: dict[int, str] = {}
        end = X.shape[0]
        for task in tasks:
            if task.outliers is None or id(task.outliers) in self._key_of:
                continue
            # Many fits validate the same outliers, each into an array of its own.
            key = self._key_of[id(task.outliers)] = joblib.hash(task.outliers)
            if key not in self._sets:
                self._sets[key], self._starts[key] = task.outliers, end
                end += task.outliers.shape[0]

    def stacked(self, X: Rows) -> Rows:
        """X with the outliers below; X itself where there are none."""
        if not self._sets:
            return X
        parts = [X, *self._sets.values()]
        if any(map(sparse.issparse, parts)):
            return sparse.vstack([sparse.csr_matrix(part) for part in parts], format="csr")
        return np.concatenate(parts)

    def exposure(self, task: Task, device: torch.device) -> engine.Exposure | None:
        """Return which rows of `stacked` a task's outliers are."""
        if task.outliers is None:
            return None
        start = self._starts[self._key_of[id(task.outliers)]]
        index = torch.arange(start, start + task.outliers.shape[0], device=device)
        return engine.Exposure(index, task.outlier_weight)
