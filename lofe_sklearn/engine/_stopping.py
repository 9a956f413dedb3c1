"""When each model of a stack stops: because it is done, or because it diverged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from lofe_sklearn.engine._job import Job, TrainingSettings
from lofe_sklearn.engine._stack import ModuleStack
from lofe_sklearn.exceptions import TrainingDivergedError


class EarlyStopping:
    """Stop each model of a stack when it is done.

    It has had all of its epochs, its objective has not improved by `tol` for `n_iter_no_change`
    epochs, the mean normal loss of the rows it takes for normal is below `loss_threshold`, or
    somebody else says so.
    Models of a stack do not touch each other, so a stopped one may go on in the stack as long as
    others run; its parameters of the epoch it stopped at are put back in the end.

    Parameters
    ----------
    stack : ModuleStack
    settings : TrainingSettings
    jobs : sequence of M Job
    keep_going : bool, default=False
        Go on without a model that diverges, instead of raising an error.

    Attributes
    ----------
    epoch : int
        Epochs that are over.
    running : ndarray of bool, shape (M,)
        The models that are neither done nor diverged.
    diverged : dict of int to str
        What to tell the user of each model that diverged.
    """

    def __init__(
        self,
        stack: ModuleStack,
        settings: TrainingSettings,
        jobs: Sequence[Job],
        *,
        keep_going: bool = False,
    ) -> None:
        self.stack, self.tol, self.keep_going = stack, settings.tol, keep_going
        self.epoch = 0
        # What is not asked for is set to what is never reached.
        self.patience = settings.n_iter_no_change or np.inf
        threshold = settings.loss_threshold
        self.loss_threshold = -np.inf if threshold is None else threshold
        self.running = np.ones(stack.n_models, dtype=bool)
        self.diverged: dict[int, str] = {}
        self._max_epochs = np.array([job.max_epochs for job in jobs])
        self._settled = np.array([job.labelling.settled_epoch for job in jobs])
        self._best = np.full(stack.n_models, np.inf)
        self._waited = np.zeros(stack.n_models, dtype=int)
        self._stopped: dict[int, dict[str, Tensor]] = {}

    def end_epoch(
        self,
        objectives: np.ndarray,
        normal_losses: np.ndarray,
        passed: np.ndarray | bool = False,
    ) -> None:
        """Take in an epoch's objectives and the losses of the rows taken for normal, (M,) each.

        `passed`, (M,), are the models that somebody else stops.

        Raises
        ------
        TrainingDivergedError
            If a model's objective is not finite, unless others shall go on without it.
        """
        self._drop_diverged(self.running & ~np.isfinite(objectives), self.epoch)
        # Before, another objective is minimised, which the later one need not fall below.
        counts = self.epoch >= self._settled
        improved = counts & (objectives < self._best - self.tol)
        self._waited = np.where(improved, 0, self._waited + counts)
        self._best = np.where(improved, objectives, self._best)
        self.epoch += 1
        done = (self._waited >= self.patience) | (counts & (normal_losses < self.loss_threshold))
        done |= (self.epoch >= self._max_epochs) | passed
        stopping = np.flatnonzero(self.running & done).tolist()
        self.running &= ~done
        if self.running.any():  # else nothing changes the parameters any more
            for model in stopping:
                self._stopped[model] = self.stack.snapshot(model)

    def finish(self) -> None:
        """Put stopped models back to where they stopped, and see that all weights are finite."""
        for model, snapshot in self._stopped.items():
            self.stack.restore(model, snapshot)
        for parameter in self.stack.parameters.values():
            finite = parameter.detach().reshape(self.stack.n_models, -1).isfinite().all(dim=1)
            self._drop_diverged(~finite.cpu().numpy(), self.epoch - 1)

    def _drop_diverged(self, models: np.ndarray, epoch: int) -> None:
        for model in np.flatnonzero(models).tolist():
            self.diverged.setdefault(model, _divergence(model, epoch, self._max_epochs))
        self.running &= ~models
        if self.diverged and not self.keep_going:
            raise TrainingDivergedError(next(iter(self.diverged.values())))


def _divergence(model: int, epoch: int, max_epochs: np.ndarray) -> str:
    return (
        f"Training diverged: the loss of model {model} (of {len(max_epochs)}) is not finite "
        f"in epoch {epoch + 1} of {max_epochs[model]}. Lower lr (estimator__lr of LOE), set "
        "gradient_clip_value (1.0, say), or bring the features to a common scale "
        "(scaling='minmax')."
    )
