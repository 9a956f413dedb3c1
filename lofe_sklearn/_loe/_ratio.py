"""What `contamination` means, read once.

Each form of the parameter is a small value that says which ratios the members assume, and how the
ratio to cut at is found.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
from torch import Tensor

from lofe_sklearn._loe._find_ratio import Belief, FoundRatio
from lofe_sklearn._validation import CONTAMINATION, AnyOf, CallableOr, ListOf, OneOf, warn_user

_INTERVAL = ListOf(CONTAMINATION, length=2, ascending=True, name="a pair (low, high) of such")
_AUTO = OneOf(("auto",))
_THRESHOLDER = CallableOr(
    "a thresholder with a method eval(scores), or a callable scores -> labels or ratio",
    methods=("eval",),
)
CONSTRAINT = AnyOf(CONTAMINATION, _INTERVAL, _AUTO, _THRESHOLDER)


class Thresholder(Protocol):
    """What finds outliers in scores, as PyThresh's do."""

    def eval(self, scores: Any, /) -> Any:
        """Return a label for each score, 1 for outliers, or a ratio."""


ContaminationParameter: TypeAlias = (
    Literal["auto"] | float | tuple[float, float] | Thresholder | Callable[[np.ndarray], Any]
)

# As many members where no single ratio is known: few are not enough for a steady ranking.
_N_SPREAD_MEMBERS = 8
# What they assume where nothing is known: from this, or from two rows of a small set, to that.
_LEAST, _MOST = 0.002, 0.4
_FEWEST_ROWS = 2


class Contamination(ABC):
    """What the user knows of the share of anomalies among the training rows."""

    @property
    def bounds(self) -> tuple[float, float] | None:
        """The smallest and the largest share that the user named."""
        return None

    @property
    def is_known(self) -> bool:
        """Whether one share is given, which all members assume."""
        return False

    @property
    def is_open(self) -> bool:
        """Whether members that assume unlikely ratios should count less."""
        return False

    @property
    def is_believed(self) -> bool:
        """Whether the ratio to cut at is the one that is believed."""
        return False

    def of_at_most(self, most: float) -> Contamination:
        """Return what is known if no larger share than `most` is possible."""
        return self

    @abstractmethod
    def member_ratios(self, n_members: int | None, n_backbones: int, n_samples: int) -> list[float]:
        """Return the ratio that each member assumes, of `n_members` or as many as it takes."""

    @abstractmethod
    def find(self, scores: np.ndarray, belief: Belief) -> FoundRatio:
        """Find the ratio to cut at.

        Parameters
        ----------
        scores : ndarray of shape (n_samples,)
            Outlier scores of the training rows, high for anomalies.
        belief : Belief
            How likely each ratio is.
        """


@dataclass(frozen=True)
class Given(Contamination):
    """One share, which all members assume."""

    contamination: float

    @property
    def bounds(self) -> tuple[float, float]:
        """The share itself, twice."""
        return self.contamination, self.contamination

    @property
    def is_known(self) -> bool:
        """It is."""
        return True

    def member_ratios(self, n_members: int | None, n_backbones: int, n_samples: int) -> list[float]:
        """Return the share for each member; there is one of each backbone by default."""
        return [self.contamination] * (n_members or n_backbones)

    def find(self, scores: np.ndarray, belief: Belief) -> FoundRatio:
        """Return the share that was given."""
        return FoundRatio(self.contamination, self.contamination, self.contamination)


@dataclass(frozen=True)
class Interval(Contamination):
    """An interval, which the members are spread over."""

    low: float
    high: float

    @property
    def bounds(self) -> tuple[float, float]:
        """Both ends."""
        return self.low, self.high

    def member_ratios(self, n_members: int | None, n_backbones: int, n_samples: int) -> list[float]:
        """Spread the members of each backbone evenly over the logarithm of the ratio."""
        return _spread(self.low, self.high, n_members or _N_SPREAD_MEMBERS, n_backbones)

    def find(self, scores: np.ndarray, belief: Belief) -> FoundRatio:
        """Return the geometric mean of both ends."""
        return FoundRatio(float(np.sqrt(self.low * self.high)), self.low, self.high)


@dataclass(frozen=True)
class Unknown(Contamination):
    """Nothing: members assume ratios of all sizes, and the one to cut at is believed.

    Attributes
    ----------
    most : float
        No larger share is possible.
    """

    most: float = field(default=1.0, kw_only=True)

    @property
    def is_open(self) -> bool:
        """It is."""
        return True

    def member_ratios(self, n_members: int | None, n_backbones: int, n_samples: int) -> list[float]:
        """Spread ratios from a few rows to many over the members of each backbone."""
        n_members = n_members or _N_SPREAD_MEMBERS
        # If rows are known to be normal, no member takes most of the others for anomalies.
        high = min(_MOST, self.most / 2)
        low = min(max(_LEAST, _FEWEST_ROWS / n_samples), high / 4)
        return _spread(low, high, n_members, n_backbones)

    def of_at_most(self, most: float) -> Contamination:
        """Return what is known if no larger share than `most` is possible."""
        return replace(self, most=most)

    @property
    def is_believed(self) -> bool:
        """It is."""
        return True

    def find(self, scores: np.ndarray, belief: Belief) -> FoundRatio:
        """Return what is believed."""
        return belief.found


@dataclass(frozen=True)
class Thresholded(Unknown):
    """Nothing, but somebody's thresholder finds the ratio in the scores."""

    thresholder: Any

    @property
    def is_believed(self) -> bool:
        """It is the thresholder's."""
        return False

    def find(self, scores: np.ndarray, belief: Belief) -> FoundRatio:
        """Ask the thresholder.

        Raises
        ------
        ValueError
            If it returns neither a label for each score nor a ratio.
        """
        decide = getattr(self.thresholder, "eval", self.thresholder)
        answer = decide(scores)
        try:
            found = np.asarray(answer.detach().cpu() if isinstance(answer, Tensor) else answer)
        except ValueError:  # lists of several lengths, which are refused below
            found = np.asarray(answer, dtype=object)
        if found.shape == () and found.dtype.kind in "fiu" and 0 <= found <= 1:
            ratio = float(found)
        elif found.shape == scores.shape and set(np.unique(found).tolist()) <= {0, 1}:
            ratio = float(np.mean(found == 1))
        else:
            got = f"{found.dtype} of shape {found.shape}." if found.ndim else repr(found.item())
            raise ValueError(
                f"LOE: the thresholder {self.thresholder!r} must return a label for each of the "
                f"{len(scores)} scores, 1 for outliers and 0 for others, or a ratio in [0, 1]; "
                f"got {got}"
            )
        if ratio > 0.5:
            warn_user(
                f"LOE: the thresholder {self.thresholder!r} takes {ratio:.3g} of the rows for "
                "outliers; at most half of them can be, and the ratio is 0.5. It gets scores that "
                "are high for outliers; of labels, 1 is for outliers and 0 for others."
            )
        # A thresholder may find no outlier, or nothing else; `offset_` needs a ratio in between.
        ratio = float(np.clip(ratio, 1 / len(scores), 0.5))
        return FoundRatio(ratio, ratio, ratio)


def read_contamination(value: Any) -> Contamination:
    """Turn the parameter into the value that says what it means.

    Raises
    ------
    ValueError
        If it is none of the forms.
    """
    if CONTAMINATION.accepts(value):
        return Given(float(value))
    if _INTERVAL.accepts(value):
        return Interval(*map(float, value))
    if _AUTO.accepts(value):
        return Unknown()
    if _THRESHOLDER.accepts(value):
        return Thresholded(value)
    raise ValueError(f"contamination must be {CONSTRAINT}; got {value!r}.")


def _spread(low: float, high: float, n_members: int, n_backbones: int) -> list[float]:
    """Spread ratios evenly in their logarithm, over the members of each backbone."""
    ratios = [0.0] * n_members
    for k in range(n_backbones):
        n_own = len(ratios[k::n_backbones])
        middle = [float(np.sqrt(low * high))]
        ratios[k::n_backbones] = middle if n_own == 1 else np.geomspace(low, high, n_own).tolist()
    return ratios
