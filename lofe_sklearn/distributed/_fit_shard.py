"""One detector trained by several processes, each of which has a part of the rows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from numbers import Integral
from typing import Any, TypeVar

import joblib
import numpy as np
import torch.distributed as dist
from scipy import sparse
from sklearn.base import clone

from lofe_sklearn import engine
from lofe_sklearn._any_detector import check_detector
from lofe_sklearn._bad_rows import blaming_rows
from lofe_sklearn._detectors import OutlierDetector
from lofe_sklearn._known_labels import Known, settled
from lofe_sklearn._loe import LOE
from lofe_sklearn._prepared_rows import PreparedRows, count_given_rows
from lofe_sklearn._progress import job, part
from lofe_sklearn._quiet import silenced
from lofe_sklearn._training import (
    PreparedSpreadRows,
    SpreadRows,
    draw_seeds,
    locating,
    train_spread_tasks,
)
from lofe_sklearn._types import KnownLabels, Mask, MatrixLike
from lofe_sklearn.exceptions import ProcessGroupError

Detector = TypeVar("Detector", bound=OutlierDetector)

# Parameters that need rows of all processes in one place, and why they are refused.
_REFUSED = {
    "max_samples": ((1.0, "auto"), "members are trained on all rows"),
    "max_features": ((1.0,), "members are trained on all features"),
    "held_out_folds": ((None,), "models of folds are not trained"),
    "keep": ((None,), "a training cannot be kept when one process leaves it"),
}


def fit_shard(
    detector: Detector,
    X: MatrixLike,
    *,
    known_anomalies: Mask | None = None,
    known_normal: Mask | None = None,
    known_labels: KnownLabels | None = None,
    outliers: MatrixLike | str | None = None,
) -> Detector:
    """Train one detector on rows that are spread over processes.

    Every process of the group calls it at the same place of the program, with its own rows. The
    result is that of ``fit`` on all rows below each other, in the order of the processes, and every
    process gets it.

    Parameters
    ----------
    detector : LOE or Backbone
        The same in all processes. It is cloned, never changed, so the training starts anew,
        whatever `warm_start` is.
    X : array-like of shape (n_own, n_features)
        The rows of this process, at least two. Processes may have different numbers of rows; the
        one with the most decides how long a step takes.
    known_anomalies, known_normal, known_labels
        As ``fit`` takes them, for the rows of this process. A process whose rows are all of unknown
        label may leave them out.
    outliers : array-like of shape (n_outliers, n_features), str or None
        Auxiliary outliers, the same in all processes. As many synthetic ones are made as the sample
        has rows; see Notes.

    Returns
    -------
    fitted : LOE or Backbone
        A fitted clone, the same in all processes. Its ``labels_`` and ``history_`` are of all rows,
        in the order of the processes.

    Raises
    ------
    ProcessGroupError
        If there is no group, another process fails or ends, or detectors, features or outliers are
        not the same in all processes. The message names the process.
    ValueError
        If a process has fewer than two rows; if a parameter is not possible here: `max_samples`,
        `max_features`, `held_out_folds`, `keep`, scores as `init`; if rows are sparse; and whatever
        ``fit`` raises.
    TypeError
        If `detector` is neither LOE nor a backbone. Rows are transformed before, not in a Pipeline.
    TrainingDivergedError
        If a loss stops being finite.

    See Also
    --------
    process_group : Joins the processes that torchrun has started.
    lofe_sklearn.fit_many : Spreads many models, each of which fits into one process.

    Notes
    -----
    All processes go through the same batches of all rows, and each puts its own rows of a batch
    through the network. The losses of the batch are exchanged, and gradients are added up. So
    labels, in each batch or once an epoch, are those of all rows: the top share is global, not that
    of each process. Sums are rounded in another order than in one process: as with stacks, equal is
    meant to 1e-5 for as long as training does not amplify rounding errors. Modules with dropout
    draw other masks.

    Each step is exchanged, so `batch_size` should grow with the number of processes: each should
    have a hundred rows of a batch or more.

    Each process keeps its own rows, and less than 100 bytes a model of each of all rows: order,
    losses, labels. Scalings are computed of all rows. A sample of at most 131,072 rows or 33
    million values, which is all rows of smaller sets, is gathered for computations that need rows
    in one place: the detectors of `init` and `evidence`, which then score all rows, synthetic
    outliers, what ``scaling="auto"`` stands for, and the typical values of `explain`.

    With ``random_state=None`` the first process draws a seed for all.

    Examples
    --------
    Run by ``torchrun --nproc-per-node 2 train.py`` this trains on two processes:

    >>> import numpy as np
    >>> from lofe_sklearn import DeepSVDD
    >>> from lofe_sklearn.distributed import fit_shard, process_group
    >>> rows = np.random.default_rng(0).normal(size=(300, 4))
    >>> with process_group() as ranks:
    ...     own = rows[ranks.rank :: ranks.size]
    ...     detector = fit_shard(DeepSVDD(max_epochs=3, random_state=0), own)
    >>> detector.score_samples(rows).shape
    (300,)
    """
    if not dist.is_initialized():
        raise ProcessGroupError(
            "fit_shard: this process has joined no group. Call it in a block of `with "
            "process_group():`, and start the program by torchrun; or call detector.fit(X), if "
            "all rows are in this process."
        )
    ranks = engine.Ranks()
    with ranks.agreeing():
        _refuse(detector)
        n_own = count_given_rows(X, "fit_shard")
    _check_counts(ranks.of_all(n_own))
    _check_equal(ranks, {**_parameters(detector), "outliers": joblib.hash(outliers)})

    fitted = clone(detector)
    _set_common_seed(fitted, ranks)
    show = ranks.rank == 0 and fitted._is_verbose()
    with engine.plain_torch(), job(type(fitted).__name__, show=show):
        labels = Known(known_labels, known_anomalies, known_normal)
        with part(0.05, "reading rows"):
            rows, known = _prepared(fitted, X, n_own, labels, ranks)
        _fit(fitted, rows, known, outliers)
    return fitted


def _fit(
    detector: OutlierDetector, rows: PreparedSpreadRows, known: np.ndarray | None, outliers: Any
) -> None:
    owner, names = type(detector).__name__, rows.feature_names
    with (
        _warnings_of_the_first(rows.X.ranks),
        blaming_rows(owner, rows.X.own, names),
        locating(names=names),
    ):
        with part(0.05, "planning"):
            detector._adopt_rows(rows)
            known = settled(known, owner)
            detector._check_known(known)
            plan = detector._plan_fit(rows, known, outliers, {})
        with part(0.9):
            outcomes = train_spread_tasks(plan.tasks, rows.X)
        with part(1.0, "scoring"):
            detector._finish_fit(*plan.as_far_as_trained(outcomes))


def _prepared(
    detector: OutlierDetector, X: Any, n_own: int, labels: Known, ranks: engine.Ranks
) -> tuple[PreparedSpreadRows, np.ndarray | None]:
    """Validate the rows of this process and their known labels; return those of all."""
    owner = type(detector).__name__
    with ranks.agreeing():
        detector._check_parameters()
        own: PreparedRows = detector._prepare_rows(X)
        if sparse.issparse(own.X):
            raise ValueError("fit_shard: X must be dense; got sparse rows. Pass X.toarray().")
        # One process may know the labels of all of its rows while others know none.
        with silenced("", UserWarning):
            known = labels.read(n_own, owner, X)
    names = None if own.feature_names is None else own.feature_names.tolist()
    features = {"the number of features": own.X.shape[1], "the names of the features": names}
    _check_equal(ranks, {**features, "the shape of the rows": repr(own.layout)})
    dtype = np.result_type(*ranks.of_all(own.X.dtype))
    spread = SpreadRows(own.X.astype(dtype, copy=False), ranks)
    known_of_all = None
    if any(ranks.of_all(known is not None)):
        mine = np.zeros(n_own, dtype=np.int8) if known is None else known
        known_of_all = spread.each(lambda _: mine)
    return PreparedSpreadRows(spread, own.feature_names, own.layout), known_of_all


def _refuse(detector: Any) -> None:
    """Raise for what cannot be trained on rows that are spread."""
    check_detector(
        detector,
        "fit_shard",
        "detector",
        pipeline=False,
        wanted="an instance of LOE or of a backbone",
        advice="Transform the rows before, by transformers that are fitted to all of them.",
    )
    for name, (possible, why) in _REFUSED.items():
        value = getattr(detector, name, possible[0])
        if value not in possible:
            raise ValueError(
                f"fit_shard: {name} must be {possible[0]!r} where rows are spread over processes, "
                f"since {why}; got {value!r}."
            )
    init = getattr(detector, "init", None)
    if init is not None and not isinstance(init, str) and not hasattr(init, "fit"):
        raise ValueError(
            "fit_shard: init must be a detector, 'auto', 'iforest' or None where rows are spread "
            "over processes; got scores. Fit without fit_shard to give them."
        )


def _check_counts(counts: list[int]) -> None:
    for rank, n_rows in enumerate(counts):
        if n_rows < 2:
            raise ValueError(
                f"fit_shard: every process needs at least 2 rows; process {rank} of {len(counts)} "
                f"has {n_rows} (all: {counts}). Spread the rows evenly, as rows[rank::size] does, "
                "or start fewer processes."
            )


def _check_equal(ranks: engine.Ranks, values: dict[str, Any]) -> None:
    """Raise the same error in all processes unless they have the same values."""
    first, *others = ranks.of_all(values)
    for rank, other in enumerate(others, start=1):
        for name in {**first, **other}:
            if first.get(name) != other.get(name):
                raise ProcessGroupError(
                    f"fit_shard: {name} must be the same in all processes; process 0 has "
                    f"{first.get(name)!r}, process {rank} has {other.get(name)!r}."
                )


def _parameters(detector: OutlierDetector) -> dict[str, str]:
    """Return parameters as text that is equal in all processes for equal parameters."""
    parameters = {"the class": type(detector), **detector.get_params(deep=True)}
    return {name: re.sub(r" at 0x[0-9a-f]+", "", repr(v)) for name, v in parameters.items()}


def _set_common_seed(detector: OutlierDetector, ranks: engine.Ranks) -> None:
    """Let the first process draw a seed for all, if the detector has none."""
    given = detector.random_state
    if isinstance(detector, LOE) and given is None:
        given = detector._backbones()[0].random_state
    seed = ranks.of_all(draw_seeds(given, 1)[0])[0]
    if not isinstance(given, Integral):
        detector.set_params(random_state=seed)


@contextmanager
def _warnings_of_the_first(ranks: engine.Ranks) -> Iterator[None]:
    """Show warnings in one process only, since all processes would give the same."""
    with silenced("", Warning) if ranks.rank > 0 else nullcontext():
        yield
