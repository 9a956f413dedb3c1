"""The rows on the device: one copy of the data, whatever the number of models."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn

from lofe_sklearn.engine._exposure import Exposure, ExposureStep, NoExposure, outliers_below
from lofe_sklearn.engine._gradients import Backward, Losses
from lofe_sklearn.engine._noise import with_noise
from lofe_sklearn.engine._scaled_rows import RowScaling, Scaling, parts_of, sums_of
from lofe_sklearn.engine._sketch import added_up_by_models, slots_of
from lofe_sklearn.exceptions import UnusableRowsError

# Some of the M models, as an index of the model axis.
Models = slice | list[int]
ALL = slice(None)


class Stack(Protocol):
    """What `ModuleStack` does: both losses of rows, by all models or some."""

    @property
    def modules(self) -> Sequence[nn.Module]: ...

    def __call__(self, x: Tensor, models: Models = ALL) -> Losses: ...

    def with_backward(self, x: Tensor) -> tuple[Losses, Backward]: ...


# Values scaled at a time: in float64 all of them would be several times the size of X, and so many
# stay in the cache.
_BLOCK_VALUES = 2**17


class Rows:
    """Rows of X as tensors: a dense X lives on the device, a sparse one is densified per batch.

    Parameters
    ----------
    X : ndarray of shape (n, ...) or CSR matrix of shape (n, d)
    exposures : sequence of Exposure or None, optional
        Their outliers are kept as rows below those of X, equal ones once.
    scaling : tuple of ndarray of shape (d,) or RowScaling, optional
        Shift and factor: rows are handed out as ``(row - shift) * factor``, computed in float64.
        Limits behind them cut that off, and sums behind these add it up.
    device : torch.device
    dtype : torch.dtype
    """

    def __init__(
        self,
        X: np.ndarray | sparse.csr_matrix,
        *,
        exposures: Sequence[Exposure | None] = (),
        scaling: Scaling | RowScaling | None = None,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self._n_own = X.shape[0]
        X, self._outliers = outliers_below(X, exposures)
        if not isinstance(scaling, RowScaling):
            scaling = RowScaling(scaling, X.shape[1])
        self._scaling = scaling
        self.device, self.dtype = device, dtype
        self._X = X if sparse.issparse(X) else self._to_tensor(X)
        self.shape = self._shape_of(X)

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def are_on_device(self) -> bool:
        """Whether rows are taken without the CPU, and without other processes."""
        return isinstance(self._X, Tensor)

    def take(self, index: Tensor, models: Models = ALL) -> Tensor:
        """Rows at `index` of any shape: (M, b) gives (M, b, d). All models see the same rows."""
        flat = index.reshape(-1)
        if isinstance(self._X, Tensor):
            picked = self._X.index_select(0, flat)
        else:
            numbers = flat.cpu().numpy()
            picked = self._densified(self._X[numbers], numbers)
        return picked.view(*index.shape, *picked.shape[1:])

    def losses_by(self, stack: Stack, index: Tensor, models: Models = ALL) -> Losses:
        """Both losses, (M, b) each, of the rows at `index`, (M, b), by all models or some."""
        return stack(self.take(index, models), models)

    def losses_with_backward(
        self, stack: Stack, index: Tensor, noise: Tensor | None = None
    ) -> tuple[Losses, Backward]:
        """Both losses by all models, without their graph, and what sets the gradients.

        The columns of `noise`, (M, b, n_noise), stand behind those of the rows.
        """
        return stack.with_backward(with_noise(self.take(index), noise))

    def sum_gradients(self, parameters: Sequence[Tensor]) -> None:
        """Add up what other processes have found for their rows; all rows are here."""

    def index_of(self, exposure: Exposure) -> Tensor:
        """Row numbers of an exposure's outliers, (m,)."""
        rows = self._outliers[exposure]
        return torch.arange(rows.start, rows.stop, device=self.device)

    def exposure_step(
        self, exposures: Sequence[Exposure | None], seeds: Sequence[int]
    ) -> NoExposure:
        """Return the step of M models that are all exposed to outliers, or none of them."""
        own = [exposure for exposure in exposures if exposure is not None]
        if not own:
            return NoExposure()
        return ExposureStep(list(map(self.index_of, own)), [e.weight for e in own], seeds)

    def _shape_of(self, X: np.ndarray | sparse.csr_matrix) -> tuple[int, ...]:
        return (X.shape[0], self._scaling.n_inputs) if X.ndim == 2 else X.shape

    def _densified(self, X: sparse.csr_matrix, numbers: np.ndarray) -> Tensor:
        """Scale sparse rows of the given numbers."""
        numpy_type = np.dtype(str(self.dtype).removeprefix("torch."))
        rows = self._scaling.of_sparse(X, numpy_type, largest_of(self.dtype))
        if rows is None:
            return self._to_tensor(X.toarray(), numbers)  # says which value is too large
        return torch.from_numpy(rows).to(self.device)

    def _to_tensor(self, X: np.ndarray, numbers: np.ndarray | None = None) -> Tensor:
        """Scale rows of the given numbers; by default they are all there are."""
        # A copy always: torch has no read-only tensors, and the user's array must stay as it is.
        rows = torch.empty(self._shape_of(X), dtype=self.dtype)
        step = _rows_of_a_block(X.shape)
        for start in range(0, len(X), step):
            block = slice(start, start + step)
            own = np.arange(len(X))[block] if numbers is None else numbers[block]
            rows[block] = torch.from_numpy(self._scaled(X[block], own))
        return rows.to(self.device)

    def _scaled(self, X: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        rows = self._scaling.scaled(X)
        self._check_magnitude(rows, X, numbers, self._scaling.limit(largest_of(self.dtype)))
        return np.array(self._scaling.added_up(rows), order="C")  # torch reads no negative strides

    def _check_magnitude(
        self, scaled: np.ndarray, X: np.ndarray, numbers: np.ndarray, limit: float
    ) -> None:
        """Raise TooLargeError if a network cannot compute with values of this size.

        It squares what it is given: beyond this it would compute with infinities, and not every
        one of them would show in a loss.
        """
        if float(np.abs(scaled).max(initial=0)) <= limit:
            return
        where = np.unravel_index(np.abs(scaled).argmax(), scaled.shape)
        row, column = int(numbers[where[0]]), int(where[1])
        own = row < self._n_own
        what = "X" if own else "outliers"
        row = row if own else row - self._n_own
        raise TooLargeError(float(X[where]), limit, row, column, what)


def _rows_of_a_block(shape: Sequence[int]) -> int:
    return max(1, _BLOCK_VALUES // max(1, math.prod(shape[1:])))


def largest_of(dtype: torch.dtype) -> float:
    """Return the largest scaled value that a network computes with."""
    return float(torch.finfo(dtype).max ** 0.48)


class RowsOfModels(Rows):
    """Rows that each model scales by itself, or of which it sees only some features.

    There is still one copy of X, in double precision, so that what a model is given is exactly
    what it would be given alone: a batch is scaled when it is taken.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n, d)
    exposures : sequence of Exposure or None, optional
    scalings : sequence of M tuples of ndarray of shape (f,), or None
        Shift, factor and perhaps limits and sums of each model's own features. All models have
        sums, or none.
    features : ndarray of int, shape (M, f), optional
        The features each model sees. Default: all.
    device : torch.device
    """

    def __init__(
        self,
        X: np.ndarray | sparse.csr_matrix,
        *,
        exposures: Sequence[Exposure | None] = (),
        scalings: Sequence[Scaling | None],
        features: np.ndarray | None = None,
        device: torch.device,
    ) -> None:
        precise = torch.float32 if device.type == "mps" else torch.float64  # it has no other
        super().__init__(X, exposures=exposures, device=device, dtype=precise)
        n_features = X.shape[1] if features is None else features.shape[1]
        parts = np.stack([parts_of(scaling, n_features) for scaling in scalings], axis=1)
        self._shift, self._factor, *limits = torch.from_numpy(parts).to(device, precise)
        self._limits = limits if np.isfinite(parts[2:]).any() else None
        sums = [own for own in map(sums_of, scalings) if own is not None]
        slots = np.stack(list(map(slots_of, sums))) if sums else None
        self._slots = None if slots is None else torch.from_numpy(slots).to(device)
        self._most_added = 1 if slots is None else slots.shape[1]
        self._features = None if features is None else torch.from_numpy(features).to(device)

    def take(self, index: Tensor, models: Models = ALL) -> Tensor:
        """Rows at `index`, (M, b), as each of the `models` sees them: (M, b, f)."""
        picked = self._scaled_by_models(index, models)
        if self._slots is not None:
            picked = added_up_by_models(picked, self._slots[models])
        return picked.float()

    def _scaled_by_models(self, index: Tensor, models: Models) -> Tensor:
        """Take rows as each model scales them, before their features are added up."""
        if self._features is None:
            picked = super().take(index)
        else:
            picked = self._seen(index, self._features[models])
        picked = (picked - self._shift[models].unsqueeze(1)) * self._factor[models].unsqueeze(1)
        if self._limits is not None:
            low, high = (limit[models].unsqueeze(1) for limit in self._limits)
            picked = picked.clamp(low, high)
        return picked

    def _seen(self, index: Tensor, features: Tensor) -> Tensor:
        """Values of the features (M, f) of the rows at `index`, without those of others."""
        if isinstance(self._X, Tensor):
            return self._X[index.unsqueeze(2), features.unsqueeze(1)]
        each = zip(index.cpu().numpy(), features.cpu().numpy(), strict=True)
        picked = np.stack([self._X[numbers][:, own].toarray() for numbers, own in each])
        return torch.from_numpy(picked).to(self.device, self.dtype)

    def check_magnitudes(self, index: Tensor, model: int) -> None:
        """Raise ValueError if a row at `index`, (n,), is too large as `model` sees it."""
        one, limit = slice(model, model + 1), largest_of(torch.float32) / self._most_added
        for part in index.split(_rows_of_a_block(self.shape)):
            own = self._scaled_by_models(part.unsqueeze(0), one)[0].cpu().numpy()
            raw = super().take(part).cpu().numpy()
            if self._features is not None:
                raw = raw[:, self._features[model].cpu().numpy()]
            super()._check_magnitude(own, raw, part.cpu().numpy(), limit)

    def _check_magnitude(
        self, scaled: np.ndarray, X: np.ndarray, numbers: np.ndarray, limit: float
    ) -> None:
        """Let every value pass: rows are kept unscaled, and `check_magnitudes` scales them."""


class TooLargeError(UnusableRowsError):
    """A value that a network cannot compute with.

    Parameters
    ----------
    value : float
        As it was given, before scaling.
    limit : float or None
        The largest magnitude after scaling; None where the value spoils the scaling itself.
    row, column : int
    what : {"X", "outliers"}
        What it is a row of.
    """

    # Names of the columns, where somebody who knows them has set them.
    names: Sequence[str] | np.ndarray | None = None

    def __init__(
        self, value: float, limit: float | None, row: int, column: int, what: str = "X"
    ) -> None:
        super().__init__(value, limit, row, column, what)
        self.value, self.limit, self.row, self.column, self.what = value, limit, row, column, what

    def __str__(self) -> str:
        named = f"column {self.column}"
        if self.names is not None:
            named = f"column {self.names[self.column]!r}"
        size, where = f"{abs(self.value):.3g}", f"{self.value:.6g} in row {self.row}, {named}"
        if self.limit is None:
            return (
                f"{self.what} has a value of magnitude {size}, beside which the other values of "
                f"its column vanish: {where}. Correct that value; one that stands for a missing "
                "value has to be replaced."
            )
        return (
            f"{self.what} has a value of magnitude {size}, too large to compute with (at most "
            f"{self.limit:.1g} after scaling): {where}. Scale the features (scaling='minmax') or "
            "correct that value; one that stands for a missing value has to be replaced."
        )
