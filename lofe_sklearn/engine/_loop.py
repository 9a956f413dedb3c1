"""The training loop: block coordinate descent over network parameters and latent labels.

    minimise over theta and y   sum_i (1 - y_i) L_n(x_i; theta) + y_i L_a(x_i; theta)

For fixed theta a label rule returns the best labels of a batch, as weights of the two losses; for
fixed labels one optimiser step improves theta. After Qiu et al., ICML 2022, arXiv 2202.08088.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from lofe_sklearn.engine._batches import Rows, epoch_batches
from lofe_sklearn.engine._history import HistoryRecorder, TrainingHistory
from lofe_sklearn.engine._rules import Rule, blind
from lofe_sklearn.engine._stack import ModuleStack, seeded_dropout
from lofe_sklearn.exceptions import TrainingDivergedError


@dataclass(frozen=True)
class TrainingSettings:
    """What all models of one stack share."""

    max_epochs: int
    batch_size: int
    lr: float
    weight_decay: float
    warmup_epochs: int = 0
    gradient_clip_value: float | None = None
    n_iter_no_change: int | None = None
    tol: float = 1e-4
    loss_threshold: float | None = None


def train(
    modules: list[nn.Module],
    rows: Rows,
    index: Tensor,
    *,
    rule: Rule,
    alpha: Sequence[float],
    seeds: Sequence[int],
    settings: TrainingSettings,
    known: Tensor | None = None,
    on_epoch: Callable[[int, np.ndarray], None] | None = None,
) -> TrainingHistory:
    """Train M modules in one stack, in place.

    Parameters
    ----------
    modules : list of M nn.Module
        ``module(x)`` returns two losses for each row, low where the row looks normal and low
        where it looks anomalous. All on the device of `rows`, all of the same shapes.
    rows : Rows
        The data, one copy for all models.
    index : Tensor of int, shape (M, n)
        The rows of `rows` that each model is trained on.
    rule : callable
        The label rule, see `lofe_sklearn.engine._rules`. Training starts with
        ``settings.warmup_epochs`` epochs of the blind rule.
    alpha : sequence of M floats
        Each model's share of anomalies among its rows of unknown label.
    seeds : sequence of M ints
        Each model's order of the rows.
    settings : TrainingSettings
    known : Tensor of int, shape (M, n), optional
        +1 known normal, -1 known anomaly, 0 unknown.
    on_epoch : callable, optional
        Called after each epoch with its number (from 1) and the M objectives.

    Returns
    -------
    TrainingHistory

    Raises
    ------
    TrainingDivergedError
        If a model's loss or weights are no longer finite.
    """
    stack = ModuleStack(modules)
    parameters = list(stack.parameters.values())
    optimizer = torch.optim.Adam(
        parameters, lr=settings.lr, weight_decay=settings.weight_decay, fused=True
    )
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    ratio = torch.tensor(alpha, device=rows.device, dtype=torch.float32)
    recorder = HistoryRecorder(index)
    stopper = EarlyStopping(stack, settings)

    with seeded_dropout(modules, seeds[0], rows.device):
        for epoch in range(settings.max_epochs):
            label = blind if epoch < settings.warmup_epochs else rule
            for position, row in epoch_batches(index, settings.batch_size, generators):
                loss_n, loss_a = stack(rows.take(row))
                with torch.no_grad():
                    batch_known = None if known is None else known.gather(1, position)
                    w_n, w_a = label(loss_n, loss_a, ratio, batch_known)

                # The objective, mean(w_n * loss_n + w_a * loss_a), is linear in the losses: its
                # gradient with respect to them is the weights, which carry none themselves.
                n_rows = row.shape[1]
                for parameter in parameters:
                    parameter.grad = None
                torch.autograd.backward((loss_n, loss_a), (w_n / n_rows, w_a / n_rows))
                if settings.gradient_clip_value is not None:
                    clip_gradients(parameters, stack.n_models, settings.gradient_clip_value)
                optimizer.step()
                recorder.add_batch(position, loss_n, loss_a, w_n, w_a)

            objectives, normal_losses = recorder.close_epoch(running=stopper.running)
            _check_finite(np.where(stopper.running, objectives, 0.0), epoch, settings.max_epochs)
            if on_epoch is not None:
                on_epoch(epoch + 1, objectives)
            # The warm-up minimises another objective, which the later one need not fall below.
            if epoch >= settings.warmup_epochs and stopper.all_stopped_after(
                objectives, normal_losses
            ):
                break

    stopper.restore_stopped()
    for parameter in parameters:
        finite = parameter.detach().reshape(stack.n_models, -1).isfinite().all(dim=1)
        _check_finite(np.where(finite.cpu(), 0.0, np.nan), epoch, settings.max_epochs)
    stack.sync()
    return recorder.history()


def clip_gradients(parameters: Sequence[Tensor], n_models: int, max_norm: float) -> None:
    """Scale each model's gradient to a Euclidean norm of at most `max_norm`."""
    gradients = [p.grad for p in parameters if p.grad is not None]
    squares = [g.square().reshape(n_models, -1).sum(dim=1) for g in gradients]
    norm = torch.stack(squares).sum(dim=0).sqrt()
    factor = (max_norm / norm.clamp(min=1e-12)).clamp(max=1.0)
    for gradient in gradients:
        # A single model's parameters have no leading model axis.
        shape = (n_models, *[1] * (gradient.dim() - 1)) if n_models > 1 else ()
        gradient.mul_(factor.view(shape))


class EarlyStopping:
    """Stop each model of a stack when it is done, by either of two criteria.

    Its objective has not improved by `tol` for `n_iter_no_change` epochs, or the mean normal loss
    of the rows it takes for normal is below `loss_threshold`. Models of a stack do not touch each
    other, so a stopped one may go on in the stack as long as others run; its parameters of the
    epoch it stopped at are put back in the end.
    """

    def __init__(self, stack: ModuleStack, settings: TrainingSettings) -> None:
        self.stack, self.tol = stack, settings.tol
        # What is not asked for is set to what is never reached.
        self.patience = settings.n_iter_no_change or np.inf
        threshold = settings.loss_threshold
        self.loss_threshold = -np.inf if threshold is None else threshold
        self.running = np.ones(stack.n_models, dtype=bool)
        self._best = np.full(stack.n_models, np.inf)
        self._waited = np.zeros(stack.n_models, dtype=int)
        self._stopped: dict[int, dict[str, Tensor]] = {}

    def all_stopped_after(self, objectives: np.ndarray, normal_losses: np.ndarray) -> bool:
        """Take in the objectives and the losses of the rows taken for normal of one more epoch."""
        improved = objectives < self._best - self.tol
        self._waited = np.where(improved, 0, self._waited + 1)
        self._best = np.where(improved, objectives, self._best)
        done = (self._waited >= self.patience) | (normal_losses < self.loss_threshold)
        for model in np.flatnonzero(self.running & done).tolist():
            self._stopped[model] = self.stack.snapshot(model)
            self.running[model] = False
        return not self.running.any()

    def restore_stopped(self) -> None:
        """Put the stopped models back to where they stopped."""
        for model, snapshot in self._stopped.items():
            self.stack.restore(model, snapshot)


def _check_finite(values: np.ndarray, epoch: int, max_epochs: int) -> None:
    diverged = np.flatnonzero(~np.isfinite(values))
    if len(diverged):
        raise TrainingDivergedError(
            f"Training diverged: the loss of model {diverged[0]} (of {len(values)}) is not finite "
            f"in epoch {epoch + 1} of {max_epochs}. Lower lr, set gradient_clip_value (1.0, say), "
            "or bring the features to a common scale (scaling='minmax')."
        )
