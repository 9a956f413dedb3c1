"""What a backbone refuses: earlier names of its hooks, and parameters that it does not have."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lofe_sklearn._validation import did_you_mean

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
