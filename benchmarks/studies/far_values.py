"""Features whose spread a few far values make: where LOE() cuts these off, and for whom.

    python -m benchmarks study far-values
    python -m benchmarks study far-values --situations own --seeds 2

An amount of a million, or -999 for a missing value, makes all other values of its feature look
alike to whatever goes by distances. `LOE()` cuts values off that are more than 20 interquartile
ranges from the median, in features whose standard deviation this lowers by a third: for the members
that go by distances and for the 20th neighbour. The flow, the isolation forest and the robust
covariance see all values. Here this is compared with other limits, and with a flow that does not
see the far values either.

The sets and situations are those of the study nothing-chosen, where they have such features, with
the halves of its names; all rows are fitted and the same rows scored. The limit and for whom it is
was chosen on these, so that the means of both halves rise. Then all sets are spoiled: with codes of
missing values in normal rows too, with one giant row, with long tails. By these nothing was chosen.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from unittest import mock

import numpy as np

from benchmarks.ledger import Row
from benchmarks.markdown import short, table
from benchmarks.means import grouped, over_sets
from benchmarks.quality import quality
from benchmarks.studies import nothing_chosen
from benchmarks.study import Axis, Study
from lofe_sklearn import LOE
from lofe_sklearn._loe import _parameters, _planning
from lofe_sklearn._training import _winsorizing, fit_scaling

AS_THEY_ARE = ("own", "0.3 %", "1 %", "5 %", "80 rows", "300 rows")
FIGURES = ("roc_auc", "average_precision")
# Interquartile ranges from the median, and whether the flow sees far values.
WAYS: dict[str, tuple[float, bool]] = {
    "nothing": (np.inf, True),
    "10 ranges": (10.0, True),
    "20 ranges, the default": (20.0, True),
    "30 ranges": (30.0, True),
    "20 ranges, for the flow too": (20.0, False),
}

Rows = tuple[np.ndarray, np.ndarray]


def _with_codes(X: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return X with -999 in one cell of a hundred, in normal rows as in others."""
    return np.where(rng.random(X.shape) < 0.01, -999.0, X)


def _with_a_giant(X: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return X with 1e9 in each feature of one normal row."""
    X = X.copy()
    X[rng.choice(np.flatnonzero(y == 0))] = 1e9
    return X


def _with_long_tails(X: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return X with each feature's values as exponents, up to 20: sums become products."""
    spread = X.std(axis=0)
    exponents = 2.0 * (X - X.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return np.exp(np.clip(exponents, -20.0, 20.0))


SPOILED: dict[str, Callable[[np.ndarray, np.ndarray, np.random.Generator], np.ndarray]] = {
    "codes": _with_codes,
    "a giant": _with_a_giant,
    "long tails": _with_long_tails,
}
SITUATIONS = (*AS_THEY_ARE, *SPOILED)


def rows_of(situation: str, dataset: str, seed: int) -> Rows | None:
    """Draw the rows of a cell and their labels; None where the set does not serve for it."""
    drawn = nothing_chosen.rows_of("own" if situation in SPOILED else situation, dataset, seed)
    if drawn is None or situation not in SPOILED:
        return drawn
    X, y = drawn
    return SPOILED[situation](X.astype(float), y, np.random.default_rng([seed, 3])), y


def run(cell: Row) -> Iterator[Row]:
    """Fit `LOE()` with each limit, where the rows have far values."""
    drawn = rows_of(cell["situation"], cell["dataset"], cell["seed"])
    if drawn is None:
        yield {"way": "", "left_out": "too few anomalies or rows"}
        return
    X, y = drawn
    n_cut = int(np.isfinite((fit_scaling(X, "winsorized") or ())[2:3]).sum())
    if n_cut == 0:
        yield {"way": "", "left_out": "no feature has far values"}
        return
    for way, (reach, flow_sees_all) in WAYS.items():
        scores = _fit(X, cell["seed"], reach, flow_sees_all).score_samples(X)
        yield {
            "way": way,
            "n_rows": len(X),
            "n_cut": n_cut,
            "n_features": X.shape[1],
            **quality(y, scores, "roc_auc", "average_precision"),
        }


def _fit(X: np.ndarray, seed: int, reach: float, flow_sees_all: bool) -> LOE:
    def backbones(*arguments: Any) -> list[Any]:
        chosen = _parameters.for_rows_of(*arguments)
        for each in () if flow_sees_all else chosen:
            each.set_params(scaling="winsorized")
        return chosen

    with ExitStack() as stack:
        if np.isfinite(reach):
            stack.enter_context(mock.patch.object(_winsorizing, "_REACH", reach))
        else:
            stack.enter_context(mock.patch.object(_winsorizing, "_WORTHWHILE", np.inf))
        stack.enter_context(mock.patch.object(_planning, "for_rows_of", backbones))
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        return LOE(random_state=seed).fit(X)


def tables(rows: list[Row]) -> str:
    """Return the gain of each way over cutting nothing off, by situation and by half."""
    used = [row for row in rows if row["way"]]
    parts: dict[tuple[str, ...], list[Row]] = {
        (each,): [r for r in used if r["situation"] == each] for each in SITUATIONS
    }
    for half, names in nothing_chosen.HALVES.items():
        for kind, situations in (("as they are", AS_THEY_ARE), ("spoiled", tuple(SPOILED))):
            parts[f"half {half}", kind] = [
                row for row in used if row["dataset"] in names and row["situation"] in situations
            ]
    header = ["rows (sets)", "nothing: ROC AUC / AP", *(f"{way}: gain" for way in list(WAYS)[1:])]
    lines = []
    for names, own in parts.items():
        if not own:
            continue
        means = {way: _means(part) for (way,), part in grouped(own, "way").items()}
        before = means.pop("nothing")
        n_sets = len({row["dataset"] for row in own})
        cells = [" / ".join(map(short, before))]
        for mean in means.values():
            gains = [after - b for after, b in zip(mean, before, strict=True)]
            cells.append(" / ".join(f"{gain:+.3f}" for gain in gains))
        lines.append([f"{', '.join(names)} ({n_sets})", *cells])
    return table(header, lines)


def _means(rows: list[Row]) -> list[float]:
    """Mean over the situations of the means over sets."""
    of_each = [over_sets(own, FIGURES) for own in grouped(rows, "situation").values()]
    return [float(np.mean(figure)) for figure in zip(*of_each, strict=True)]


STUDY = Study(
    "far-values",
    "where LOE() cuts off far values: limits, and whether the flow sees them",
    axes={
        "seed": Axis((0,)),
        "situation": Axis(SITUATIONS, choices=SITUATIONS),
        "dataset": Axis(nothing_chosen.SETS),
    },
    run=run,
    tables=tables,
)
