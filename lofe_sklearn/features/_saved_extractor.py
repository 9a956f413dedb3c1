"""The network of ImageFeatures: built from its name or from the values in a file, and pickled."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from torch import Tensor, nn

from lofe_sklearn import engine
from lofe_sklearn._notebook import DocumentationMixin
from lofe_sklearn._types import FilePath
from lofe_sklearn.exceptions import ModelFileError
from lofe_sklearn.features._extractor import Extractor
from lofe_sklearn.features._networks import build_network


class SavedExtractorMixin(engine.PickledByValue, DocumentationMixin):
    """The part of ImageFeatures that `lofe_sklearn.save` and `lofe_sklearn.load` call."""

    _by_value = ("network", "_extractor")

    network: str | nn.Module
    weights: FilePath | None
    layers: Sequence[str] | None
    pooling: Literal["average", "grid"]
    grid_size: int
    image_size: int | None
    preprocess: Callable[[Tensor], Tensor] | None
    _extractor: Extractor

    def _build_extractor(self, values: Mapping[str, Tensor] | None = None) -> Extractor:
        """Build the extractor, with `values` instead of the network's pretrained ones."""
        owner = type(self).__name__
        return Extractor(
            build_network(self.network, self.weights, owner, values),
            layers=self.layers,
            grid_size=self.grid_size if self.pooling == "grid" else None,
            image_size=self.image_size,
            preprocess=self.preprocess,
            owner=owner,
        )

    def _state_to_save(self) -> dict[str, Any]:
        """Return the attributes; of the extractor only the values of its network are stored."""
        if isinstance(self.network, nn.Module):
            raise ModelFileError(
                f"{type(self).__name__}.network: a network of your own, "
                f"{type(self.network).__name__}, cannot be stored safely: a file holds no code to "
                "build it. Name a network, such as 'efficientnet_lite0', save a detector of rows "
                "of features alone, or pickle the model, which only you should load."
            )
        state = dict(vars(self))
        if "_extractor" in state:
            state["_extractor"] = self._extractor.network.module
        return state

    def _set_saved_state(self, state: dict[str, Any]) -> None:
        """Set the attributes, and build the extractor from the values of its network."""
        vars(self).update(state)
        if "_extractor" in state:
            if not isinstance(self.network, str):
                raise ValueError("its network has no name")
            self._extractor = self._build_extractor(state["_extractor"])
