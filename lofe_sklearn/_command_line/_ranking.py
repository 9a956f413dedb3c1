"""The most anomalous rows: collected from chunks, and put in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lofe_sklearn._command_line._models import Scores

if TYPE_CHECKING:
    import pandas as pd

    from lofe_sklearn.inspection import Reason


@dataclass(frozen=True, eq=False)
class RankedRow:
    """A row of the list.

    Attributes
    ----------
    rank : int
        1 for the most anomalous row.
    row : int
        Its number in the file; the first row below the header is 1.
    name : object
        Its value of the column given by --id, or None.
    anomaly_score, probability : float
    flagged : bool
    reasons : sequence of Reason
    """

    rank: int
    row: int
    name: Any
    anomaly_score: float
    probability: float
    flagged: bool
    reasons: Sequence[Reason]


class Ranking:
    """The most anomalous rows of all that were added.

    Parameters
    ----------
    top : int
        How many are kept.
    id_column : str, optional
    """

    def __init__(self, top: int, id_column: str | None = None) -> None:
        self.top, self.id_column = top, id_column
        self.n_rows, self.n_flagged = 0, 0
        self._parts: list[tuple[pd.DataFrame, pd.Series | None, Scores]] = []

    def add(self, frame: pd.DataFrame, names: pd.Series | None, scores: Scores) -> None:
        """Add rows, whose index is their number in the file."""
        self.n_rows += len(frame)
        self.n_flagged += int(scores.flagged.sum())
        # Stable: rows of equal scores keep their order, whatever the chunks are.
        best = np.argsort(-scores.anomaly_score, kind="stable")[: self.top]
        own = Scores(*(values[best] for values in _fields(scores)))
        self._parts.append((frame.iloc[best], None if names is None else names.iloc[best], own))
        if len(self._parts) > 20:
            self._parts = [self._merged()]

    def rows(self) -> pd.DataFrame:
        """Return the rows of the list, in its order, as the file has them."""
        return self._merged()[0]

    def ranked(self, reasons: Sequence[Sequence[Reason]]) -> list[RankedRow]:
        """Return the list, with the reasons of each row."""
        frame, names, scores = self._merged()
        return [
            RankedRow(
                rank=i + 1,
                row=int(frame.index[i]),
                name=None if names is None else names.iloc[i],
                anomaly_score=float(scores.anomaly_score[i]),
                probability=float(scores.probability[i]),
                flagged=bool(scores.flagged[i]),
                reasons=reasons[i],
            )
            for i in range(len(frame))
        ]

    def _merged(self) -> tuple[pd.DataFrame, pd.Series | None, Scores]:
        import pandas as pd

        frames, names, scores = zip(*self._parts, strict=True)
        joined = Scores(*map(np.concatenate, zip(*map(_fields, scores), strict=True)))
        best = np.argsort(-joined.anomaly_score, kind="stable")[: self.top]
        frame = _joined(frames).iloc[best]
        named = None if names[0] is None else pd.concat(names).iloc[best]
        return frame, named, Scores(*(values[best] for values in _fields(joined)))


def _joined(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Put tables of the same columns below each other.

    A column whose type is not the same in all chunks, as where only some have missing values,
    becomes one of objects, so that no value changes.
    """
    import pandas as pd

    if len(frames) == 1:
        return frames[0]
    differ = [name for name in frames[0].columns if len({f[name].dtype for f in frames}) > 1]
    return pd.concat([frame.astype(dict.fromkeys(differ, object)) for frame in frames])


def _fields(scores: Scores) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return scores.anomaly_score, scores.probability, scores.flagged
