"""Every candidate on every fold, trained in few stacked fits."""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import Pipeline

from lofe_sklearn._any_detector import check_detector, final_step
from lofe_sklearn._containers import layout_of, stack_rows
from lofe_sklearn._detectors import OutlierDetector
from lofe_sklearn._fit_many import fit_many
from lofe_sklearn._known_labels import pair_of_masks
from lofe_sklearn._progress import part
from lofe_sklearn._row_numbers import name_rows_of, naming_rows_of
from lofe_sklearn._search._fit_params import FitParams, split_fit_params
from lofe_sklearn._take_rows import take_metadata, take_rows


@dataclass(frozen=True)
class Settings:
    """How to train: what `fit_many` takes beside the data."""

    n_jobs: int | None
    max_memory: float | None
    keep_errors: bool


@dataclass
class FittedCandidates:
    """The fitted estimator or the error of each candidate on each fold, and its training time."""

    models: dict[tuple[int, int], BaseEstimator | Exception]
    fit_times: np.ndarray


@dataclass
class _Training:
    """One detector to train: its block, the rows of the block, and the place of its result."""

    place: tuple[int, int]
    detector: OutlierDetector
    block: int
    rows: np.ndarray
    head: Pipeline | None = None


@dataclass
class _Pool:
    """Blocks of rows that can be stacked below each other, and the detectors to train on them.

    `numbers` are those of a block's rows in the user's X.
    """

    blocks: list[Any] = field(default_factory=list)
    numbers: list[np.ndarray] = field(default_factory=list)
    known: list[np.ndarray | None] = field(default_factory=list)
    outliers: Any = None
    jobs: list[_Training] = field(default_factory=list)


@dataclass
class _FittedHead:
    """The fitted transformers before the detector, and the position of the rows they made."""

    head: Pipeline | None
    pool: _Pool
    block: int
    n_rows: int
    seconds: float
    users: list[tuple[int, int]] = field(default_factory=list)


def prepare(estimator: BaseEstimator, candidates: Sequence[Mapping[str, Any]]) -> list:
    """Clones of `estimator` with each candidate's parameters.

    Raises
    ------
    TypeError
        If one of them is no detector of this package, nor a Pipeline that ends in one.
    ValueError
        If `estimator` has no parameter of that name.
    """
    check_is_trainable(estimator)
    # Cloned as scikit-learn does: values may be estimators, which `set_params` would share.
    templates = [clone(estimator).set_params(**clone(params, safe=False)) for params in candidates]
    for template in templates:
        check_is_trainable(template)
    return templates


def check_is_trainable(estimator: Any) -> None:
    """Raise TypeError unless it is a detector of this package, or a Pipeline that ends in one."""
    advice = "For other estimators there is sklearn.model_selection.GridSearchCV."
    check_detector(estimator, "LOESearchCV", "estimator", advice=advice)


def fit_candidates(
    templates: Sequence[BaseEstimator],
    candidates: Sequence[Mapping[str, Any]],
    trains: Sequence[np.ndarray],
    X: Any,
    y: Any,
    fit_params: Mapping[str, Any],
    settings: Settings,
) -> FittedCandidates:
    """Train each template on each fold's rows, as if ``template.fit(X[train])`` were called.

    Transformers are fitted once for each fold and each set of their parameters, however many
    detectors follow. The transformed folds are stacked into one X for `fit_many`.
    """
    fitted = FittedCandidates({}, np.zeros((len(templates), len(trains))))
    parts = [split_fit_params(template, fit_params, X) for template in templates]
    if isinstance(templates[0], Pipeline):
        with part(0.05, "transformers"):
            pools = _pools_of_pipelines(
                templates, candidates, trains, X, y, parts, settings, fitted
            )
    else:
        whole = _Pool([X], [np.arange(X.shape[0])], [parts[0].known], parts[0].outliers)
        whole.jobs = [
            _Training((c, s), template, 0, train)
            for c, template in enumerate(templates)
            for s, train in enumerate(trains)
        ]
        pools = [whole]

    n_jobs = sum(len(pool.jobs) for pool in pools)
    for pool in pools:
        with part(0.95 * len(pool.jobs) / n_jobs):
            _train(pool, pool.jobs, templates, settings, fitted)
    return fitted


def _pools_of_pipelines(
    templates: Sequence[Pipeline],
    candidates: Sequence[Mapping[str, Any]],
    trains: Sequence[np.ndarray],
    X: Any,
    y: Any,
    parts: Sequence[FitParams],
    settings: Settings,
    fitted: FittedCandidates,
) -> list[_Pool]:
    """Fit the transformers; return pools of the transformed rows, one for each layout."""
    pools: dict[tuple, _Pool] = {}
    heads: dict[tuple, _FittedHead | Exception] = {}
    for c, (template, params, own) in enumerate(zip(templates, candidates, parts, strict=True)):
        same_head = _head_key(template, params)
        for s, train in enumerate(trains):
            key = (same_head, own.known is None, s)
            if key not in heads:
                try:
                    heads[key] = _fit_head(template, X, y, train, own, pools)
                except Exception as error:
                    if not settings.keep_errors:
                        raise
                    heads[key] = error
            found = heads[key]
            if isinstance(found, Exception):
                fitted.models[c, s] = found
                continue
            found.users.append((c, s))
            rows = np.arange(found.n_rows)
            found.pool.jobs.append(
                _Training((c, s), final_step(template), found.block, rows, found.head)
            )
    for head in heads.values():
        if not isinstance(head, Exception):
            for place in head.users:
                fitted.fit_times[place] = head.seconds / len(head.users)
    return list(pools.values())


def _fit_head(
    template: Pipeline,
    X: Any,
    y: Any,
    train: np.ndarray,
    own: FitParams,
    pools: dict[tuple, _Pool],
) -> _FittedHead:
    start = time.perf_counter()
    rows, head = take_rows(X, train), None
    if len(template.steps) > 1:
        head = clone(template[:-1])
        labels = None if y is None else take_rows(y, train)
        with naming_rows_of(train):
            rows = head.fit_transform(rows, labels, **take_metadata(own.head, X.shape[0], train))
    if not hasattr(rows, "shape"):
        rows = np.asarray(rows)
    if rows.shape[0] != len(train):
        raise ValueError(
            f"LOESearchCV: the steps before the detector made {rows.shape[0]} rows of "
            f"{len(train)}. Steps that add or drop rows are not supported; use GridSearchCV."
        )
    known = None if own.known is None else own.known[train]
    layout = layout_of(rows), known is None
    pool = pools.setdefault(layout, _Pool(outliers=own.outliers))
    pool.blocks.append(rows)
    pool.numbers.append(train)
    pool.known.append(known)
    return _FittedHead(head, pool, len(pool.blocks) - 1, len(train), time.perf_counter() - start)


def _head_key(template: Pipeline, params: Mapping[str, Any]) -> tuple:
    """Return a key that is equal only if the transformers of two candidates are equal.

    Values that are not plain count as equal only if they are the same object, as they are in a
    grid. If equal objects count as different, a transformer is fitted once more.
    """
    last = template.steps[-1][0]
    own = {
        name: value
        for name, value in params.items()
        if name != last and not name.startswith(f"{last}__")
    }
    plain = (str, int, float, bool, type(None))
    return tuple(
        (name, type(value), value if isinstance(value, plain) else id(value))
        for name, value in sorted(own.items())
    )


def _train(
    pool: _Pool,
    jobs: Sequence[_Training],
    templates: Sequence[BaseEstimator],
    settings: Settings,
    fitted: FittedCandidates,
) -> None:
    """Train detectors of one pool, and put them where they belong."""
    start = time.perf_counter()
    try:
        results = _fit_stack(pool, jobs, settings)
    except Exception as error:
        if not settings.keep_errors:
            raise
        if len(jobs) > 1:
            # Unusable rows, for example, are refused before any training. Halving the jobs finds
            # the detector that they belong to, and leaves the others in large stacks.
            with part(1.0):
                for half in (jobs[: len(jobs) // 2], jobs[len(jobs) // 2 :]):
                    with part(len(half) / len(jobs)):
                        _train(pool, half, templates, settings, fitted)
            return
        results = [error]
    seconds = time.perf_counter() - start
    work = np.array([_work(result, job) for result, job in zip(results, jobs, strict=True)])
    # Folds without training rows have no work.
    shares = work / work.sum() if work.any() else np.full(len(jobs), 1 / len(jobs))
    for job, result, share in zip(jobs, results, shares, strict=True):
        fitted.fit_times[job.place] += seconds * share
        fitted.models[job.place] = (
            result
            if isinstance(result, Exception)
            else _assemble(templates[job.place[0]], job.head, result)
        )


def _fit_stack(pool: _Pool, jobs: Sequence[_Training], settings: Settings) -> list[Any]:
    """Fit the detectors of `jobs` on those blocks that they need, below each other."""
    used = sorted({job.block for job in jobs})
    blocks = [pool.blocks[b] for b in used]
    starts = dict(zip(used, np.cumsum([0, *(block.shape[0] for block in blocks)]), strict=False))
    X, rows = stack_rows(blocks), [starts[job.block] + job.rows for job in jobs]
    given = [own for b in used if (own := pool.known[b]) is not None]
    known = np.concatenate(given) if given else None
    numbers = np.concatenate([pool.numbers[b] for b in used])
    if len(jobs) == 1:
        # A lone detector gets its own rows only: errors in other rows do not concern it.
        X, rows, taken = take_rows(X, rows[0]), [np.arange(len(rows[0]))], rows[0]
        known = None if known is None else known[taken]
        numbers = numbers[taken]
    with naming_rows_of(numbers):
        results = fit_many(
            [job.detector for job in jobs],
            X,
            rows=rows,
            known_labels=pair_of_masks(known),
            outliers=pool.outliers,
            n_jobs=settings.n_jobs,
            max_memory=settings.max_memory,
            return_errors=settings.keep_errors,
        )
    name_rows_of(results, numbers)
    return results


def _work(result: Any, job: _Training) -> float:
    """Weight of a training in its stack's time: the rows passed through the network."""
    # A failed training counts little, but more than zero, so that the weights can be normalised.
    members = getattr(result, "estimators_", [result])
    return float(len(job.rows) * sum(getattr(member, "n_iter_", 1) for member in members))


def _assemble(template: BaseEstimator, head: Pipeline | None, detector: Any) -> BaseEstimator:
    """Return the candidate as its own ``fit`` would have left it."""
    if not isinstance(template, Pipeline):
        return detector
    steps = [] if head is None else list(head.steps)
    pipeline = copy.copy(template)
    return pipeline.set_params(steps=[*steps, (template.steps[-1][0], detector)])
