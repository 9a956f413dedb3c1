"""States of a network that are kept while it is trained: the best one, or several to average."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lofe_sklearn.engine._course import Peak
from lofe_sklearn.engine._job import Job
from lofe_sklearn.engine._pass import losses_in_training, selector
from lofe_sklearn.engine._rows import Rows
from lofe_sklearn.engine._stack import ModuleStack, check_losses

# Rows that are looked at for a separation: enough for two means and deviations.
_SEEN_ROWS = 4096


class PeakStates:
    """Keep each model's state at the largest separation of its rows' losses.

    Models whose course asks for none cost nothing.

    Parameters
    ----------
    stack : ModuleStack
    rows : Rows
    jobs : sequence of M Job

    Attributes
    ----------
    passed : ndarray of bool, shape (M,)
        The models whose separation has not grown for as many looks as their patience is.
    """

    def __init__(self, stack: ModuleStack, rows: Rows, jobs: Sequence[Job]) -> None:
        self._stack, self._rows = stack, rows
        self._models: dict[Peak, list[int]] = {}
        for m, job in enumerate(jobs):
            if job.course.peak is not None:
                self._models.setdefault(job.course.peak, []).append(m)
        self.passed = np.zeros(len(jobs), dtype=bool)
        self._best = np.full(len(jobs), -np.inf)
        self._waited = np.zeros(len(jobs), dtype=int)
        self._states: dict[int, dict[str, Tensor]] = {}
        self._n_steps = 0
        if self._models:
            self._index, self._counted = _rows_to_look_at(jobs)

    @torch.no_grad()
    def after_step(self, running: np.ndarray) -> None:
        """Look at the models that are still trained, when it is time to."""
        self._n_steps += 1
        for peak, models in self._models.items():
            due = [m for m in models if running[m] and not self.passed[m]]
            if due and self._n_steps % peak.every == 0:
                self._look(peak, due)

    def finish(self) -> None:
        """Put the models back to their best states."""
        for model, state in self._states.items():
            self._stack.restore(model, state)

    def _look(self, peak: Peak, models: list[int]) -> None:
        chosen = selector(models, len(self.passed))
        loss_n, _ = losses_in_training(self._stack, self._rows, self._index[chosen], chosen)
        separations = peak.separation(loss_n, self._counted[chosen])
        if getattr(separations, "shape", None) != (len(models),):
            raise ValueError(
                f"Peak: separation must return a tensor of shape ({len(models)},), one value for "
                f"each model; got {_shape_or_type(separations)}."
            )
        for model, separation in zip(models, separations.tolist(), strict=True):
            if separation > self._best[model]:
                self._best[model], self._waited[model] = separation, 0
                self._states[model] = self._stack.snapshot(model)
            else:
                self._waited[model] += 1
                self.passed[model] = self._waited[model] >= peak.patience


def _rows_to_look_at(jobs: Sequence[Job]) -> tuple[Tensor, Tensor]:
    """Rows of each model, (M, k), and which of them count: those of its own of unknown label."""
    chosen, counted = [], []
    for job in jobs:
        n_rows, device = len(job.index), job.index.device
        places = np.linspace(0, n_rows - 1, min(n_rows, _SEEN_ROWS)).astype(int)
        known = job.labelling.known
        unknown = torch.ones(len(places), dtype=torch.bool)
        if known is not None:
            unknown = torch.from_numpy(known[places] == 0)
        # Where all labels are known, there is nothing else to look at.
        counted.append(unknown if unknown.any() else torch.ones_like(unknown))
        chosen.append(job.index[torch.from_numpy(places).to(device)])
    width = max(map(len, chosen))
    index = torch.stack([torch.cat([own, own[:1].expand(width - len(own))]) for own in chosen])
    mask = torch.stack([torch.cat([m, m.new_zeros(width - len(m))]) for m in counted])
    return index, mask.to(index.device)


def _shape_or_type(value: Any) -> str:
    shape = getattr(value, "shape", None)
    return type(value).__name__ if shape is None else f"shape {tuple(shape)}"


class AveragedStates:
    """Keep some of each model's states, as its course asks for, and make one module of them.

    Parameters
    ----------
    stack : ModuleStack
    jobs : sequence of M Job
    """

    def __init__(self, stack: ModuleStack, jobs: Sequence[Job]) -> None:
        self._stack = stack
        self._epochs = [job.course.averaged_epochs(job.max_epochs) for job in jobs]
        self._states: dict[int, list[dict[str, Tensor]]] = {}

    def end_epoch(self, epoch: int, trained: np.ndarray) -> None:
        """Take in `epoch`, in which the models `trained`, a mask, were trained."""
        for m in np.flatnonzero(trained).tolist():
            if epoch in self._epochs[m]:
                self._states.setdefault(m, []).append(self._stack.snapshot(m))

    def finish(self, modules: list[nn.Module]) -> None:
        """Replace the modules of models that have several states by the averages of these."""
        for model, states in self._states.items():
            modules[model] = AveragedModule([_with_state(modules[model], one) for one in states])


class AveragedModule(nn.Module):
    """The mean of both losses over several states of a network.

    All else, such as its embedding and the scale of its scores, is that of the last state.

    Parameters
    ----------
    states : list of nn.Module
    """

    def __init__(self, states: list[nn.Module]) -> None:
        super().__init__()
        self.states = nn.ModuleList(states)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the mean losses of the rows x, (b,) each."""
        each = (check_losses(module, module(x), x.shape[:1]) for module in self.states)
        loss_n, loss_a = zip(*each, strict=True)
        return torch.stack(loss_n).mean(dim=0), torch.stack(loss_a).mean(dim=0)

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            if name == "states":  # not there yet, as while it is unpickled
                raise
            return getattr(self.states[-1], name)


@torch.no_grad()
def _with_state(module: nn.Module, state: dict[str, Tensor]) -> nn.Module:
    copied = copy.deepcopy(module)
    for name, tensor in (*copied.named_parameters(), *copied.named_buffers()):
        tensor.copy_(state[name])
    return copied


def is_average(module: nn.Module) -> bool:
    """Whether a trained module averages several states of a network."""
    return isinstance(module, AveragedModule)
