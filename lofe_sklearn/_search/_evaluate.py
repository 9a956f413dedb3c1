"""Scores and bookkeeping of fitted candidates, done by scikit-learn's own GridSearchCV.

GridSearchCV runs with stand-ins for the estimators, whose ``fit`` looks up a trained model, and
with row numbers instead of rows. So the results, failures included, are those of the installed
GridSearchCV. Only the report of failures is shorter: one line for each candidate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import joblib
import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import GridSearchCV

from lofe_sklearn._containers import Subset
from lofe_sklearn._quiet import silenced
from lofe_sklearn._search._candidates import FittedCandidates
from lofe_sklearn._take_rows import take_metadata, take_rows
from lofe_sklearn._validation import warn_user

# The stand-in's parameter that tells candidates apart; it is taken out of the results.
_NUMBER = "lofe_candidate_number"

# Failing candidates that are reported by a line each.
_REPORTED = 20


@dataclass
class Data:
    """What is scored: the rows, and what the scorers get beside them."""

    X: Any
    y: Any
    n_samples: int
    score_params: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass
class _Store:
    """The trained models, by candidate and training rows. Shared by all stand-ins."""

    models: Mapping[tuple[int, int], BaseEstimator | Exception]
    splits: dict[Subset, int]
    tracebacks: dict[tuple[int, int], TracebackType | None]
    on_fit: Callable[[], None]

    def look_up(self, candidate: int, rows: np.ndarray) -> BaseEstimator | None:
        split = self.splits.get(Subset(rows))
        if split is None:
            return None  # the refit, which is the outer search's
        self.on_fit()
        model = self.models[candidate, split]
        if isinstance(model, Exception):
            # Raised again, the error would collect tracebacks, and equal failures would look
            # different.
            raise model.with_traceback(self.tracebacks[candidate, split])
        return model


class _Prefitted(BaseEstimator):
    """Stand-in for one candidate; its rows are row numbers."""

    def __init__(self, store: _Store, number: Any = None) -> None:
        self.store = store
        self.number = number

    def __sklearn_clone__(self) -> _Prefitted:
        return _Prefitted(self.store, self.number)

    def set_params(self, **params: Any) -> Self:
        self.number = params[_NUMBER]
        return self

    def fit(self, X: np.ndarray, y: Any = None) -> Self:
        self.model_ = self.store.look_up(self.number, X)
        return self


class _RowScorer:
    """A scorer of stand-ins that calls the user's with the model and the rows themselves."""

    def __init__(self, scorer: Callable, data: Data, params: Mapping[str, Any]):
        self.scorer = scorer
        self.data = data
        self.params = params

    def __call__(self, stand_in: _Prefitted, rows: np.ndarray, y: Any = None) -> Any:
        X = take_rows(self.data.X, rows)
        params = take_metadata(self.params, self.data.n_samples, rows)
        labels = () if y is None else (y,)
        return self.scorer(stand_in.model_, X, *labels, **params)

    def __repr__(self) -> str:
        return repr(self.scorer)


@dataclass
class Outcome:
    """Results under GridSearchCV's names, without the trailing underscore."""

    cv_results: dict[str, Any]
    multimetric: bool
    best: dict[str, Any]


def evaluate(
    fitted: FittedCandidates,
    candidates: Sequence[Mapping[str, Any]],
    splits: Sequence[tuple[np.ndarray, np.ndarray]],
    data: Data,
    *,
    scoring: Callable | dict[str, Callable],
    refit: bool | str | Callable,
    error_score: float | str,
    return_train_score: bool,
    on_fit: Callable[[], None],
) -> Outcome:
    """Score every candidate on every fold and choose the best."""
    store = _Store(
        fitted.models,
        {Subset(train): s for s, (train, _) in enumerate(splits)},
        {
            place: model.__traceback__
            for place, model in fitted.models.items()
            if isinstance(model, Exception)
        },
        on_fit,
    )

    def finish(results: Mapping[str, Any]) -> dict[str, Any]:
        return _with_real_times(results, fitted.fit_times)

    search = GridSearchCV(
        _Prefitted(store),
        [
            {name: [value] for name, value in {**params, _NUMBER: number}.items()}
            for number, params in enumerate(candidates)
        ],
        scoring=_on_rows(scoring, data),
        refit=(lambda results: refit(finish(results))) if callable(refit) else refit,
        cv=list(splits),
        n_jobs=1,
        error_score=error_score,
        return_train_score=return_train_score,
    )
    failures = [model for model in fitted.models.values() if isinstance(model, Exception)]
    if failures and error_score != "raise":
        report = _report(fitted, candidates)
        if len(failures) == len(fitted.models):
            raise ValueError(
                f"LOESearchCV: All the {len(failures)} fits failed:{report}"
            ) from failures[0]
        warn_user(
            f"LOESearchCV: {len(failures)} fits failed out of a total of {len(fitted.models)}; "
            f"their score is {error_score}. error_score='raise' stops at the first one:{report}",
            FitFailedWarning,
        )
    # Dask's backend sends jobs to its workers with n_jobs=1, too. The trained models are here.
    with (
        silenced(r"\s*\d+ fits failed", FitFailedWarning),  # the same, with all tracebacks
        joblib.parallel_config(backend="sequential"),
    ):
        search.fit(np.arange(data.n_samples), data.y)

    results = finish(search.cv_results_)
    best = {
        name: getattr(search, name)
        for name in ("best_index_", "best_score_")
        if hasattr(search, name)
    }
    if "best_index_" in best:
        best["best_params_"] = results["params"][best["best_index_"]]
    return Outcome(results, search.multimetric_, best)


def _report(fitted: FittedCandidates, candidates: Sequence[Mapping[str, Any]]) -> str:
    """Return a line for each failed candidate: on which folds it failed, and why."""
    lines = []
    for number, params in enumerate(candidates):
        errors = {
            fold: model
            for (candidate, fold), model in sorted(fitted.models.items(), key=lambda item: item[0])
            if candidate == number and isinstance(model, Exception)
        }
        if errors:
            folds = ", ".join(map(str, errors))
            first = next(iter(errors.values()))
            line = f"{dict(params)}, folds {folds}: {type(first).__name__}: {first}"
            lines.append("\n  " + " ".join(line.split()))
    more = len(lines) - _REPORTED
    return "".join(lines[:_REPORTED]) + (f"\n  and {more} more candidates" if more > 0 else "")


def _on_rows(scoring: Callable | dict[str, Callable], data: Data) -> Any:
    if isinstance(scoring, dict):
        return {
            name: _RowScorer(scorer, data, data.score_params.get(name, {}))
            for name, scorer in scoring.items()
        }
    return _RowScorer(scoring, data, data.score_params.get("score", {}))


def _with_real_times(results: Mapping[str, Any], fit_times: np.ndarray) -> dict[str, Any]:
    """Results without the candidates' numbers, and with the time that training took."""
    real = {name: value for name, value in results.items() if name != f"param_{_NUMBER}"}
    real["params"] = [
        {name: value for name, value in params.items() if name != _NUMBER}
        for params in results["params"]
    ]
    real["mean_fit_time"] = fit_times.mean(axis=1)
    real["std_fit_time"] = fit_times.std(axis=1)
    return real
