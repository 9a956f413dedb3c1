"""The peers' detectors that have a training step to time, and their sizes.

Sizes "own" are each library's defaults; "as ours" gives a peer the widths and the activation of our
default backbone, as far as its constructor allows:

* DeepOD NeuTraL, DeepSVDD: the layers are ours; our NeuTraL's transformations have biases besides.
* PyOD DeepSVDD: the layers are ours, and so is their number of weights; the ReLU after the last
  one stays, and `dropout_rate` and `output_activation` change nothing.
* PyOD AutoEncoder: the layers are ours, no dropout and no batch normalisation.
* DeepOD ICL: own defaults only. DeepOD's GOAD is not timed: with its 256 transformations a fit
  takes seconds for each batch.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Timed:
    """A detector to time.

    Attributes
    ----------
    library, name : str
        The distribution, and the class.
    module : str
        Where the class is.
    epochs : str
        What its constructor calls the number of epochs.
    sizes : {"own", "as ours"}
    params : dict
        What gives it these sizes.
    other : dict
        What its constructor is given besides.
    """

    library: str
    name: str
    module: str
    epochs: str
    sizes: str = "own"
    params: dict[str, Any] = field(default_factory=dict)
    other: dict[str, Any] = field(default_factory=dict)

    def make(self, epochs: int, batch: int) -> Any:
        """Build it; its library is imported here."""
        cls = getattr(importlib.import_module(self.module), self.name)
        how = {self.epochs: epochs, "batch_size": batch, "verbose": 0}
        return cls(**how, **self.other, **self.params)


_NEUTRAL = {"n_trans": 11, "trans_type": "residual", "act": "ReLU"}
_NEUTRAL_SIZES = {
    "odds:thyroid": {"trans_hidden_dims": 6, "hidden_dims": [12, 12], "rep_dim": 12},
    "odds:arrhythmia": {"trans_hidden_dims": 64, "hidden_dims": [64, 64], "rep_dim": 32},
}
_DEEPOD_SVDD = {"hidden_dims": [32], "rep_dim": 16, "act": "ReLU"}
_PYOD_SVDD = {"hidden_neurons": [32, 16], "l2_regularizer": 1e-5, "learning_rate": 1e-3}
_PYOD_AE = {"hidden_neuron_list": [64, 32], "batch_norm": False, "dropout_rate": 0.0}


def beside(backbone: str, dataset: str, n_features: int) -> Iterator[Timed]:
    """Yield our backbone and the peers of its kind."""
    yield Timed("lofe-sklearn", backbone, "lofe_sklearn", "max_epochs", other={"device": "cpu"})
    on_cpu = {"device": "cpu", "random_state": 0}
    if backbone in ("NeuTraL", "ICL", "DeepSVDD"):
        sizes = {
            "DeepSVDD": _DEEPOD_SVDD,
            "NeuTraL": _NEUTRAL | _NEUTRAL_SIZES[dataset] if dataset in _NEUTRAL_SIZES else None,
        }
        where = ("deepod", backbone, "deepod.models.tabular", "epochs")
        yield from _both(where, sizes.get(backbone), on_cpu)
    if backbone == "DeepSVDD":
        where = ("pyod", backbone, "pyod.models.deep_svdd", "epochs")
        yield from _both(where, _PYOD_SVDD, {"random_state": 0, "n_features": n_features})
    if backbone == "AutoEncoder":
        where = ("pyod", backbone, "pyod.models.auto_encoder", "epoch_num")
        yield from _both(where, _PYOD_AE, on_cpu)


def _both(where: tuple, sizes: dict[str, Any] | None, other: dict[str, Any]) -> Iterator[Timed]:
    yield Timed(*where, other=other)
    if sizes:
        yield Timed(*where, "as ours", sizes, other)
