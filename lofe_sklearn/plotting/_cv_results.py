"""Read `cv_results_` of a search: which parameter to draw, and for which other settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np

from lofe_sklearn._validation import did_you_mean

_RATIO = "contamination"
_LETTERS = 24


def fold_scores(cv_results: Mapping[str, Any], score_name: str | None, owner: str) -> np.ndarray:
    """Return the test scores of each candidate on each fold, (n_candidates, n_folds)."""
    names = [key[len("mean_test_") :] for key in cv_results if key.startswith("mean_test_")]
    if not names or "params" not in cv_results:
        raise ValueError(
            f"{owner}: cv_results must be cv_results_ of a search, with params and mean_test_score."
        )
    wanted = score_name if score_name is not None else names[0]
    if wanted not in names or (score_name is None and len(names) > 1):
        raise ValueError(
            f"{owner}: score_name must be one of {', '.join(map(repr, names))}; got {score_name!r}."
            f"{did_you_mean(score_name, names)}"
        )
    n_folds = sum(key.startswith("split") and key.endswith(f"_test_{wanted}") for key in cv_results)
    columns = [cv_results[f"split{fold}_test_{wanted}"] for fold in range(n_folds)]
    return np.stack([np.asarray(own, dtype=float) for own in columns], axis=1)


def candidates_with(
    candidates: list[dict[str, Any]], fixed: Mapping[str, Any], owner: str
) -> list[int]:
    """Return the places of the candidates that have certain values."""
    known = {name for params in candidates for name in params}
    for name in fixed:
        if name not in known:
            raise ValueError(
                f"{owner}: fixed names {name!r}, which was not searched; these were: "
                f"{', '.join(sorted(known))}.{did_you_mean(name, known)}"
            )
    kept = [
        i
        for i, params in enumerate(candidates)
        if all(name in params and _same(params[name], value) for name, value in fixed.items())
    ]
    if not kept:
        raise ValueError(f"{owner}: no candidate has the values of fixed={dict(fixed)!r}.")
    return kept


def parameter_to_draw(candidates: list[dict[str, Any]], name: str | None, owner: str) -> str:
    """Return the parameter to draw."""
    known = sorted({own for params in candidates for own in params})
    if name is not None:
        if name not in known:
            raise ValueError(
                f"{owner}: param_name must be a parameter that was searched, one of "
                f"{', '.join(map(repr, known))}; got {name!r}.{did_you_mean(name, known)}"
            )
        return name
    several = varying(candidates) or known
    ratios = [own for own in several if own.rpartition("__")[2] == _RATIO]
    found = ratios if len(ratios) == 1 else several
    if len(found) != 1:
        raise ValueError(
            f"{owner}: several parameters were searched: {', '.join(found)}. Choose one by "
            "param_name."
        )
    return found[0]


def varying(candidates: list[dict[str, Any]]) -> list[str]:
    """Return the parameters that have several values, or that only some candidates set."""
    names = list(dict.fromkeys(name for params in candidates for name in params))
    return [
        name
        for name in names
        if len(_distinct([params[name] for params in candidates if name in params])) > 1
        or not all(name in params for params in candidates)
    ]


def setting_of(params: dict[str, Any], names: Sequence[str]) -> str:
    """Name the setting of these parameters, as far as a candidate has them."""
    return ", ".join(
        f"{name.rpartition('__')[2]}={shown_setting(params[name])}"
        for name in names
        if name in params
    )


def ordered(values: list[Any]) -> list[Any]:
    """Return the distinct values, ascending if all are numbers."""
    distinct = _distinct(values)
    return sorted(distinct) if all(map(is_number, distinct)) else distinct


def _distinct(values: list[Any]) -> list[Any]:
    distinct: list[Any] = []
    numbers: set[Any] = set()  # of a fine grid these are many
    for value in values:
        if is_number(value):
            is_new = value not in numbers
            numbers.add(value)
        else:
            is_new = not any(_same(value, other) for other in distinct)
        if is_new:
            distinct.append(value)
    return distinct


def index_of(values: list[Any], value: Any) -> int:
    """Return the place of a value."""
    return next(i for i, other in enumerate(values) if _same(value, other))


def _same(one: Any, other: Any) -> bool:
    if is_number(one) and is_number(other):
        return one == other
    return one is other or (type(one) is type(other) and bool(np.all(one == other)))


def is_number(value: Any) -> bool:
    """Whether a value can be placed on an axis of numbers."""
    return isinstance(value, Real) and not isinstance(value, bool)


def shown_setting(value: Any) -> str:
    """Return a parameter's value as a short text."""
    text = f"{value:g}" if is_number(value) else " ".join(str(value).split())
    return text if len(text) <= _LETTERS else text[: _LETTERS - 3] + "..."
