"""What files and pickles store instead of a backbone's network, and how it is rebuilt."""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import nn

from lofe_sklearn import engine


class SavedNetworkMixin(engine.PickledByValue):
    """The part of a backbone that `lofe_sklearn.save` and `lofe_sklearn.load` call."""

    _by_value = ("module_", "_optimizer")

    n_features_in_: int
    module_: nn.Module
    _scaling: engine.Scaling | None
    # The backbone that built the network: with all parameters that the training rows decide.
    _built_by: Any

    def _state_to_save(self) -> dict[str, Any]:
        """Return the attributes; of the network among them only the values are stored.

        The state of the optimiser is left out: a `partial_fit` after `load` starts it anew.
        """
        return {name: value for name, value in vars(self).items() if name != "_optimizer"}

    def _set_saved_state(self, state: dict[str, Any]) -> None:
        """Set the attributes, with the values of `module_` in its place."""
        vars(self).update(state)
        if "module_" not in state:
            return
        values = state["module_"]
        ours = type(self).__module__.startswith("lofe_sklearn.")
        n_inputs = engine.RowScaling(self._scaling, self.n_features_in_).n_inputs
        if ours and n_inputs > sum(tensor.numel() for tensor in values.values()):
            raise ValueError(f"its network has fewer values than rows have: {n_inputs}")
        build = partial(self._built_by.build_module, n_inputs)
        self.module_ = engine.restore_module(build, values, bounded=ours)
