"""What a backbone refuses: earlier names of hooks, and constructors without its parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lofe_sklearn._validation import Constraint, did_you_mean

_NAMES = {
    "_build_module": "build_module(n_features)",
    "_own_constraints": "own_constraints",
    "_n_epochs": "choose_max_epochs(n_samples, n_features)",
    "_learning_rate": "choose_lr(n_features)",
    "_loss_threshold": "choose_loss_threshold(n_features)",
    "_resolved_scaling": "choose_scaling(X)",
    "_check_training_rows": "to_rows(X, layout=None)",
    "_default_init": "default_init",
    "_dtypes": "input_dtypes",
    "_min_features": "min_features",
    "_n_steps": "default_steps",
    "_epoch_range": "default_epoch_range",
}
# The shared parameters that every training sets on a copy of the backbone.
_ALWAYS_SET = ("scaling", "contamination", "random_state")


def refuse_earlier_names(cls: type) -> None:
    """Raise TypeError if a class defines a hook by an earlier name, which is never called."""
    for earlier, current in _NAMES.items():
        if earlier in vars(cls):
            raise TypeError(
                f"{cls.__name__}.{earlier} is the earlier name of a hook and would not be called. "
                f"Rename it: the hook is {current} now (see 'Add a backbone' in the documentation)."
            )


def refuse_unknown_parameters(cls: Any, unknown: Iterable[str]) -> None:
    """Raise TypeError for the first parameter that the constructor of a backbone does not have."""
    for name in unknown:
        known = cls._get_param_names()
        raise TypeError(
            f"{cls.__name__}() got an unexpected keyword argument {name!r}; it takes "
            f"{', '.join(known)}.{did_you_mean(name, known)}"
        )


def check_constructor(backbone: Any, constraints: Mapping[str, Constraint]) -> None:
    """Raise TypeError if a class of the user's has no parameters, or no constraints, to train with.

    Parameters
    ----------
    backbone : Backbone
    constraints : mapping of str to Constraint
        What each parameter may be.
    """
    cls: Any = type(backbone)
    names = [name for name in constraints if name not in cls.own_constraints]
    lacking = [name for name in names if name not in cls._get_param_names()]
    if lacking and set(lacking).isdisjoint(_ALWAYS_SET):
        lacking = []
    lacking = lacking or [name for name in names if not hasattr(backbone, name)]
    if lacking:
        raise TypeError(
            f"{cls.__name__}: __init__ must take the parameters that all backbones share, as "
            f"**shared, and call super().__init__(**shared); it lacks {', '.join(lacking)}."
        )
    for name, constraint in cls.own_constraints.items():
        if not hasattr(backbone, name):
            raise TypeError(
                f"{cls.__name__}: own_constraints must name parameters of __init__, which sets "
                f"them as attributes; {name!r} is none."
            )
        if not hasattr(constraint, "accepts"):
            raise TypeError(
                f"{cls.__name__}: own_constraints must hold constraints of lofe_sklearn.backbones, "
                f"such as Number(low=0); for {name!r} it holds {constraint!r}."
            )
