"""The training loop: block coordinate descent over network parameters and latent labels.

    minimise over theta and y   sum_i (1 - y_i) L_n(x_i; theta) + y_i L_a(x_i; theta)

For fixed theta a label rule returns the best labels of a batch, as weights of the two losses; for
fixed labels one optimiser step improves theta. After Qiu et al., ICML 2022, arXiv 2202.08088.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from torch import nn

from lofe_sklearn.engine._batches import Batches
from lofe_sklearn.engine._cuda_graph import RecordedSteps
from lofe_sklearn.engine._denormals import denormals_as_zero
from lofe_sklearn.engine._few_threads import threads_to_train
from lofe_sklearn.engine._history import HistoryRecorder, TrainingHistory
from lofe_sklearn.engine._interruption import LastEpoch
from lofe_sklearn.engine._job import Job, TrainingSettings
from lofe_sklearn.engine._labels import LabelStep
from lofe_sklearn.engine._noise import noise_step
from lofe_sklearn.engine._optimizer import OptimizerStates, StackOptimizer
from lofe_sklearn.engine._rows import Rows
from lofe_sklearn.engine._seeded import seeded_dropout
from lofe_sklearn.engine._stack import ModuleStack
from lofe_sklearn.engine._states import AveragedStates, PeakStates
from lofe_sklearn.engine._step import Step
from lofe_sklearn.engine._stopping import EarlyStopping


def train(
    modules: list[nn.Module],
    rows: Rows,
    jobs: Sequence[Job],
    settings: TrainingSettings,
    *,
    keep_going: bool = False,
    keep_interrupted: bool = False,
    on_epoch: Callable[[int, np.ndarray], None] | None = None,
    optimizer_states: OptimizerStates | None = None,
) -> TrainingHistory:
    """Train M modules in one stack, in place.

    Parameters
    ----------
    modules : list of M nn.Module
        ``module(x)`` returns two losses for each row, low where the row looks normal and low
        where it looks anomalous. All on the device of `rows`, all of the same shapes. A module
        whose losses are to be averaged is replaced by an `AveragedModule`.
    rows : Rows
        The data, one copy for all models.
    jobs : sequence of M Job
        Of equal numbers of batches.
    settings : TrainingSettings
    keep_going : bool, default=False
        Train the others to their end when a model diverges; the history says which did.
    keep_interrupted : bool, default=False
        End, rather than fail, at a KeyboardInterrupt: with the models as they were after the last
        whole epoch, if labels have been inferred in it. The history says so.
    on_epoch : callable, optional
        Called after each epoch with its number (from 1) and the M objectives.
    optimizer_states : OptimizerStates, optional
        What the optimiser goes on from, and where its states are put in the end.

    Returns
    -------
    TrainingHistory

    Raises
    ------
    TrainingDivergedError
        If a model's loss or weights are no longer finite, unless `keep_going`.
    KeyboardInterrupt
        If the user interrupts the training, and there is nothing to keep.
    """
    stack = ModuleStack(modules)
    labellings, seeds = [job.labelling for job in jobs], [job.seed for job in jobs]
    optimizer = StackOptimizer(
        list(stack.parameters.values()),
        [job.lr for job in jobs],
        [job.weight_decay for job in jobs],
        settings.gradient_clip_value,
        None if optimizer_states is None else optimizer_states.of_models,
    )
    batches = Batches(
        [job.index for job in jobs],
        settings.batch_size,
        seeds,
        [labelling.known for labelling in labellings],
        [labelling.known_weight for labelling in labellings],
        growth=jobs[0].course.batch_growth,
    )
    labels = LabelStep(labellings, batches.n_rows, batches.index)
    exposure = rows.exposure_step([job.exposure for job in jobs], seeds)
    noise = noise_step(modules, seeds)
    step = RecordedSteps(Step(stack, rows, labels, exposure, noise, optimizer))
    recorder = HistoryRecorder(
        batches.n_rows, rows.device, [labelling.labels_rows for labelling in labellings]
    )
    stopper = EarlyStopping(stack, settings, jobs, keep_going=keep_going)
    peaks, averages = PeakStates(stack, rows, jobs), AveragedStates(stack, jobs)
    last = LastEpoch(stack, jobs, recorder, keep_interrupted)

    n_rows = min(settings.batch_size, max(batches.n_rows))
    threads = threads_to_train(stack, n_rows, rows.device)
    with threads, last.going_back(), seeded_dropout(modules, seeds[0], rows.device):
        while stopper.running.any():
            labels.start_epoch(stopper.epoch, stack, rows)
            step.start_epoch()
            with denormals_as_zero():
                for batch in batches.epoch(stopper.epoch):
                    recorder.add_batch(batch, *step(batch))
                    peaks.after_step(stopper.running)

            means = recorder.close_epoch(stopper.running, batches.n_drawn)
            averages.end_epoch(stopper.epoch, stopper.running)
            stopper.end_epoch(*means, peaks.passed)
            last.keep()
            if on_epoch is not None:
                on_epoch(stopper.epoch, means[0])

    stopper.finish()
    peaks.finish()
    averages.finish(stack.sync())
    if optimizer_states is not None:
        optimizer_states.of_models = optimizer.states()
    return recorder.history(stopper.diverged, last.interrupted)
