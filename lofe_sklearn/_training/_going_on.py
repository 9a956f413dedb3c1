"""The task of a model that is trained already and goes on: by `warm_start` or `partial_fit`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sklearn.base import clone

from lofe_sklearn._training._plain_numbers import plain
from lofe_sklearn._training._stacking import same_value
from lofe_sklearn._training._task import Start, Task
from lofe_sklearn.engine import is_average

# Parameters that may have changed since the model was fitted: those of the training, not of the
# network and its input.
_OF_THE_TRAINING = (
    "batch_size",
    "contamination",
    "device",
    "gradient_clip_value",
    "lr",
    "max_epochs",
    "n_iter_no_change",
    "random_state",
    "tol",
    "verbose",
    "warm_start",
    "weight_decay",
)


def goes_on(task: Task, asked: Any, fitted: Any, owner: str, *, optimizer: bool) -> Task:
    """Return a task that goes on from a fitted backbone.

    Parameters
    ----------
    task : Task
        As it was planned for the new rows.
    asked : Backbone
        The backbone as the user has it now, with parameters that the rows decide left open.
    fitted : Backbone
    owner : str
        Whose training it is, for messages.
    optimizer : bool
        Whether the optimiser goes on too, or starts anew.

    Raises
    ------
    ValueError
        If a parameter of the network has changed, or the network is an average of several.
    """
    anew = "sklearn.base.clone(detector).partial_fit(X)" if optimizer else "warm_start=False"
    if is_average(fitted.module_):
        raise ValueError(
            f"{owner}: the label rule has averaged states of the network, so that there is none to "
            f"go on from. Fit anew, with {anew}, or with another method."
        )
    built_by, now = fitted._built_by, asked.get_params(deep=False)
    then = built_by.get_params(deep=False)
    if type(built_by) is not type(asked):
        raise ValueError(
            f"{owner}: the fitted network is that of {type(built_by).__name__}, and estimator is "
            f"{type(asked).__name__} now. Set it back, or fit anew, with {anew}."
        )
    planned = task.model.get_params(deep=False)
    for name in now.keys() - set(_OF_THE_TRAINING):
        # What the rows decide is open. None may also be a value itself, as that of `scaling` is.
        may_be_open = now[name] is None or (isinstance(now[name], str) and now[name] == "auto")
        is_open = may_be_open and not same_value(now[name], planned[name])
        if not is_open and not same_value(plain(now[name]), plain(then[name])):
            raise ValueError(
                f"{owner}: {name} is {now[name]!r} now, but the network was fitted with "
                f"{then[name]!r}, and goes on as it is. Set it back, or fit anew, with "
                f"{anew}."
            )
    model = clone(built_by).set_params(**{name: planned[name] for name in _OF_THE_TRAINING})
    start = Start(
        fitted.module_,
        fitted._scaling,
        fitted.history_,
        fitted._optimizer if optimizer else None,
    )
    labelling = replace(task.labelling, warmup_epochs=0, first_scores=None)
    return replace(task, model=model, start=start, labelling=labelling)
