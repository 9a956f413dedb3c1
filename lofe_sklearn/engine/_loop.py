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

from lofe_sklearn.engine._batches import Batches
from lofe_sklearn.engine._exposure import Exposure, ExposureStep
from lofe_sklearn.engine._history import HistoryRecorder, TrainingHistory
from lofe_sklearn.engine._labels import Labelling, LabelStep
from lofe_sklearn.engine._optimizer import StackOptimizer
from lofe_sklearn.engine._rows import Rows
from lofe_sklearn.engine._stack import ModuleStack, seeded_dropout
from lofe_sklearn.exceptions import TrainingDivergedError


@dataclass(frozen=True)
class TrainingSettings:
    """What all models of one stack share."""

    batch_size: int
    gradient_clip_value: float | None = None
    n_iter_no_change: int | None = None
    tol: float = 1e-4
    loss_threshold: float | None = None


@dataclass(frozen=True, eq=False)
class Job:
    """What one model of a stack is trained on, and how.

    Parameters
    ----------
    index : Tensor of int, shape (n,)
        The rows it is trained on.
    labelling : Labelling
        How these are labelled.
    seed : int
        Their order.
    max_epochs : int
    lr, weight_decay : float
    known_weight : float, optional
        How much the mean over the rows of known label counts beside that over the others.
        Default: every row counts the same.
    exposure : Exposure, optional
        Outliers beside the rows; of all models of a stack, or of none.
    """

    index: Tensor
    labelling: Labelling
    seed: int
    max_epochs: int
    lr: float
    weight_decay: float = 0.0
    known_weight: float | None = None
    exposure: Exposure | None = None


def train(
    modules: list[nn.Module],
    rows: Rows,
    jobs: Sequence[Job],
    settings: TrainingSettings,
    *,
    keep_going: bool = False,
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
    jobs : sequence of M Job
        Of equal numbers of batches.
    settings : TrainingSettings
    keep_going : bool, default=False
        Train the others to their end when a model diverges; the history says which did.
    on_epoch : callable, optional
        Called after each epoch with its number (from 1) and the M objectives.

    Returns
    -------
    TrainingHistory

    Raises
    ------
    TrainingDivergedError
        If a model's loss or weights are no longer finite, unless `keep_going`.
    """
    stack = ModuleStack(modules)
    parameters = list(stack.parameters.values())
    optimizer = StackOptimizer(
        parameters, lr=[job.lr for job in jobs], weight_decay=[job.weight_decay for job in jobs]
    )
    batches = Batches(
        [job.index for job in jobs],
        settings.batch_size,
        seeds=[job.seed for job in jobs],
        known=[job.labelling.known for job in jobs],
        known_weights=[job.known_weight for job in jobs],
    )
    labels = LabelStep(
        [job.labelling for job in jobs], batches.n_rows, batches.index.shape[1], rows.device
    )
    recorder = HistoryRecorder(batches.n_rows, batches.n_drawn, rows.device)
    stopper = EarlyStopping(stack, settings, jobs)
    max_epochs = max(job.max_epochs for job in jobs)
    exposures = [job.exposure for job in jobs if job.exposure is not None]
    exposed = ExposureStep(exposures, [job.seed for job in jobs]) if exposures else None

    with seeded_dropout(modules, jobs[0].seed, rows.device):
        for epoch in range(max_epochs):
            labels.start_epoch(epoch, stack, rows, batches.index)
            for batch in batches.epoch():
                n_batch = batch.row.shape[1]
                seen = batch.row
                if exposed is not None:
                    seen = torch.cat([seen, exposed.draw(n_batch)], dim=1)
                losses = stack(rows.take(seen))
                loss_n, loss_a = losses if exposed is None else [t[:, :n_batch] for t in losses]
                w_n, w_a = labels.weights(batch, loss_n, loss_a)
                if batch.weight is not None:
                    w_n, w_a = w_n * batch.weight, w_a * batch.weight

                # The objective, mean(w_n * loss_n + w_a * loss_a), is linear in the losses: its
                # gradient with respect to them is the weights, which carry none themselves.
                optimizer.clear()
                weights = w_n / batch.n_rows, w_a / batch.n_rows
                if exposed is not None:
                    w_out = exposed.weights(n_batch)
                    weights = (
                        torch.cat([weights[0], torch.zeros_like(w_out)], dim=1),
                        torch.cat([weights[1], w_out], dim=1),
                    )
                    recorder.add_outliers(batch, losses[1][:, n_batch:], w_out)
                torch.autograd.backward(losses, weights)
                if settings.gradient_clip_value is not None:
                    clip_gradients(parameters, stack.n_models, settings.gradient_clip_value)
                optimizer.step()
                recorder.add_batch(batch, loss_n, loss_a, w_n, w_a)

            objectives, normal_losses = recorder.close_epoch(running=stopper.running)
            lost = stopper.running & ~np.isfinite(objectives)
            stopper.drop_diverged(lost, epoch, keep_going=keep_going)
            if on_epoch is not None:
                on_epoch(epoch + 1, objectives)
            if stopper.all_stopped_after(epoch, objectives, normal_losses):
                break

    stopper.restore_stopped()
    for parameter in parameters:
        finite = parameter.detach().reshape(stack.n_models, -1).isfinite().all(dim=1)
        stopper.drop_diverged(~finite.cpu().numpy(), epoch, keep_going=keep_going)
    stack.sync()
    return recorder.history(stopper.diverged)


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
    """Stop each model of a stack when it is done.

    It has had all of its epochs, its objective has not improved by `tol` for `n_iter_no_change`
    epochs, or the mean normal loss of the rows it takes for normal is below `loss_threshold`.
    Models of a stack do not touch each other, so a stopped one may go on in the stack as long as
    others run; its parameters of the epoch it stopped at are put back in the end.

    Attributes
    ----------
    running : ndarray of bool, shape (M,)
        The models that are neither done nor diverged.
    diverged : dict of int to str
        What to tell the user of each model that diverged.
    """

    def __init__(self, stack: ModuleStack, settings: TrainingSettings, jobs: Sequence[Job]) -> None:
        self.stack, self.tol = stack, settings.tol
        # What is not asked for is set to what is never reached.
        self.patience = settings.n_iter_no_change or np.inf
        threshold = settings.loss_threshold
        self.loss_threshold = -np.inf if threshold is None else threshold
        self.running = np.ones(stack.n_models, dtype=bool)
        self.diverged: dict[int, str] = {}
        self._max_epochs = np.array([job.max_epochs for job in jobs])
        self._warmup = np.array([job.labelling.warmup_epochs for job in jobs])
        self._best = np.full(stack.n_models, np.inf)
        self._waited = np.zeros(stack.n_models, dtype=int)
        self._stopped: dict[int, dict[str, Tensor]] = {}

    def all_stopped_after(
        self, epoch: int, objectives: np.ndarray, normal_losses: np.ndarray
    ) -> bool:
        """Take in the objectives and the losses of the rows taken for normal of `epoch`."""
        # The warm-up minimises another objective, which the later one need not fall below.
        counts = epoch >= self._warmup
        improved = counts & (objectives < self._best - self.tol)
        self._waited = np.where(improved, 0, self._waited + counts)
        self._best = np.where(improved, objectives, self._best)
        done = (self._waited >= self.patience) | (counts & (normal_losses < self.loss_threshold))
        done |= epoch + 1 >= self._max_epochs
        stopping = np.flatnonzero(self.running & done).tolist()
        self.running &= ~done
        if self.running.any():  # else nothing changes the parameters any more
            for model in stopping:
                self._stopped[model] = self.stack.snapshot(model)
        return not self.running.any()

    def drop_diverged(self, models: np.ndarray, epoch: int, *, keep_going: bool) -> None:
        """Stop the `models`, those whose loss or weights are no longer finite."""
        for model in np.flatnonzero(models).tolist():
            self.diverged.setdefault(model, _divergence(model, epoch, self._max_epochs))
        self.running &= ~models
        if self.diverged and not keep_going:
            raise TrainingDivergedError(next(iter(self.diverged.values())))

    def restore_stopped(self) -> None:
        """Put the stopped models back to where they stopped."""
        for model, snapshot in self._stopped.items():
            self.stack.restore(model, snapshot)


def _divergence(model: int, epoch: int, max_epochs: np.ndarray) -> str:
    return (
        f"Training diverged: the loss of model {model} (of {len(max_epochs)}) is not finite "
        f"in epoch {epoch + 1} of {max_epochs[model]}. Lower lr, set gradient_clip_value (1.0, "
        "say), or bring the features to a common scale (scaling='minmax')."
    )
