"""What `explain` returns: each feature's contribution, beside its value and its typical value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lofe_sklearn._notebook import counted
from lofe_sklearn._reasons._occlusion import Occluded, Table
from lofe_sklearn._types import Floats
from lofe_sklearn._validation import Number, check_argument

# What `repr` shows.
_SHOWN_ROWS, _SHOWN_REASONS, _SHOWN_LETTERS = 5, 3, 24
# A contribution is a difference of scores. Relative to these, less is their rounding.
_ROUNDING = 1e-12


class Reason(NamedTuple):
    """One feature's part in a row's anomaly.

    Attributes
    ----------
    feature : str
    contribution : float
        In units of the score; the higher, the more it makes the row anomalous.
    value, typical : object
        The value that the row has, and the typical one.
    """

    feature: str
    contribution: float
    value: Any
    typical: Any


@dataclass(frozen=True, eq=False, repr=False)
class Explanation:
    """Why a detector finds rows anomalous: how much each feature contributes.

    The contribution of a feature is the mean of two changes of ``score_samples``: how much the
    row's score rises when the feature is given its typical value, and how much the score of the
    typical row falls when the feature is given the row's value. It is positive if the value
    makes the row anomalous, and exactly 0 if the row has the typical value.

    ``contributions.sum(axis=1) + remainder`` is ``typical_score - scores``. The remainder is 0
    if features act on the score one by one or in pairs.

    Attributes
    ----------
    contributions : ndarray of float64, shape (n_samples, n_features)
        In units of the score.
    values : ndarray of shape (n_samples, n_features)
        The values of the rows: float64, or object if the rows came in a data frame.
    typical : ndarray of shape (n_features,)
        The typical values.
    feature_names : ndarray of str, shape (n_features,)
        ``"x0"``, ``"x1"`` and so on if features have no names.
    scores : ndarray of float64, shape (n_samples,)
        ``score_samples`` of the rows.
    typical_score : float
        ``score_samples`` of the row whose values are all typical.
    row_names : ndarray of shape (n_samples,)
        The index of the rows if they came in a data frame of pandas; else their numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from lofe_sklearn.inspection import Explanation
    >>> explanation = Explanation(
    ...     contributions=np.array([[0.1, 2.0]]),
    ...     values=np.array([[3.0, 90.0]]),
    ...     typical=np.array([2.5, 7.0]),
    ...     feature_names=np.array(["age", "dose"]),
    ...     scores=np.array([-1.5]),
    ...     typical_score=0.6,
    ...     row_names=np.array([0]),
    ... )
    >>> explanation
    Explanation of 1 row by 2 features. The score of a typical row is 0.6.
    row 0, score -1.5: dose +2 (90, typically 7), age +0.1 (3, typically 2.5)
    >>> explanation.top(1)
    [[Reason(feature='dose', contribution=2.0, value=90.0, typical=7.0)]]
    """

    contributions: Floats
    values: NDArray[Any]
    typical: NDArray[Any]
    feature_names: NDArray[Any]
    scores: Floats
    typical_score: float
    row_names: NDArray[Any]

    @property
    def remainder(self) -> Floats:
        """The score's difference to a typical row's, less all contributions; (n_samples,)."""
        return self.typical_score - self.scores - self.contributions.sum(axis=1)

    def top(self, k: int = 3) -> list[list[Reason]]:
        """List the features that contribute most to each row's anomaly.

        Parameters
        ----------
        k : int, default=3
            The most to list of a row. Features that contribute nothing but rounding, or make the
            row look more normal, are no reasons, so there may be fewer.

        Returns
        -------
        reasons : list of list of Reason
            For each row, tuples ``(feature, contribution, value, typical)``, the largest first.

        Raises
        ------
        ValueError
            If `k` is no integer of at least 1.
        """
        check_argument("Explanation.top", "k", k, Number(Integral, low=1))
        return [self._reasons(row, k) for row in range(len(self))]

    def to_frame(self, k: int | None = None) -> Any:
        """Return the contributions as a data frame with one line for each row and feature.

        Parameters
        ----------
        k : int, optional
            As in `top`. Default: all features of each row, in their own order.

        Returns
        -------
        frame : pandas.DataFrame
            With the columns row, score, feature, contribution, value and typical.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError(
                "Explanation.to_frame needs pandas, which is not installed: pip install pandas. "
                "Explanation.top lists the same without it."
            ) from error
        if k is None:
            reasons = [
                [self._reason(row, j) for j in range(len(self.typical))] for row in self._all
            ]
        else:
            reasons = self.top(k)
        lines = [
            (self.row_names[row], self.scores[row], *reason)
            for row, own in enumerate(reasons)
            for reason in own
        ]
        return pd.DataFrame(lines, columns=["row", "score", *Reason._fields])

    def __len__(self) -> int:
        return len(self.contributions)

    def __repr__(self) -> str:
        n_rows, n_features = self.contributions.shape
        lines = [
            f"Explanation of {counted(n_rows, 'row')} by {counted(n_features, 'feature')}. "
            f"The score of a typical row is {self.typical_score:.3g}."
        ]
        for row in self._all[:_SHOWN_ROWS]:
            reasons = ", ".join(map(_shown, self._reasons(row, _SHOWN_REASONS)))
            reasons = reasons or "no feature makes it look anomalous"
            lines.append(
                f"row {shown_name(self.row_names[row])}, score {self.scores[row]:.3g}: {reasons}"
            )
        if n_rows > _SHOWN_ROWS:
            lines.append(f"... and {counted(n_rows - _SHOWN_ROWS, 'more row')}")
        return "\n".join(lines)

    @property
    def _all(self) -> range:
        return range(len(self))

    def _reasons(self, row: int, k: int) -> list[Reason]:
        own = self._beyond_rounding(row)
        # Stable, so that equal contributions come in the order of the features.
        largest = np.argsort(-own, kind="stable")[:k]
        return [self._reason(row, j) for j in largest if own[j] > 0]

    def _beyond_rounding(self, row: int) -> np.ndarray:
        """Return a row's contributions, with 0 for those that may be nothing but rounding."""
        own = self.contributions[row]
        least = _ROUNDING * max(abs(float(self.scores[row])), abs(self.typical_score))
        return np.where(np.abs(own) > least, own, 0.0)

    def _reason(self, row: int, j: int) -> Reason:
        return Reason(
            str(self.feature_names[j]),
            float(self.contributions[row, j]),
            _plain(self.values[row, j]),
            _plain(self.typical[j]),
        )


def explanation_of(
    found: Occluded, table: Table, feature_names: Sequence[str] | None, row_names: Any
) -> Explanation:
    """Put together what was found and what it was found for.

    Features of a group share its contribution evenly.
    """
    n_features = len(table.part_of)
    names = [f"x{j}" for j in range(n_features)] if feature_names is None else feature_names
    return Explanation(
        contributions=(found.contributions / np.bincount(table.part_of))[:, table.part_of],
        values=table.values,
        typical=table.typical,
        feature_names=np.array([str(name) for name in names], dtype=object),
        scores=found.scores,
        typical_score=found.typical_score,
        row_names=np.arange(table.n_rows) if row_names is None else np.asarray(row_names),
    )


def _shown(reason: Reason) -> str:
    value, typical = shown_value(reason.value), shown_value(reason.typical)
    name = " ".join(reason.feature.split())  # names of columns may have several lines
    return f"{name} {reason.contribution:+.3g} ({value}, typically {typical})"


def shown_name(name: Any) -> str:
    """Return the name of a row as a text; of a time no more digits than it has."""
    is_time = isinstance(name, np.datetime64)
    return str(np.datetime_as_string(name, unit="auto") if is_time else name)


def shown_value(value: Any) -> str:
    """Return a value as a short text."""
    if isinstance(value, Real) and not isinstance(value, (bool, Integral)):
        return _number_text(float(value))
    text = " ".join(str(value).split())
    return text if len(text) <= _SHOWN_LETTERS else text[: _SHOWN_LETTERS - 3] + "..."


def _number_text(number: float) -> str:
    """Write a number with four digits, and an amount such as 70820000 as the table has it."""
    if not 1e4 <= abs(number) < 1e15:
        return f"{number:.4g}"
    return f"{number:.0f}" if number.is_integer() or abs(number) >= 1e6 else f"{number:.6g}"


def _plain(value: Any) -> Any:
    """Return a NumPy number as a Python number, and anything else as it is."""
    return value.item() if isinstance(value, (np.number, np.bool_)) else value
