"""What LOE asks of the backbones that it was given, or that stand for None."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from lofe_sklearn._loe._parameters import backbones_of
from lofe_sklearn.backbones import AutoEncoder, Backbone, DeepSVDD, NeuTraL


class OwnBackbonesMixin:
    """Whose rows, parameters and names are those of LOE's backbones."""

    estimator: Any
    keep: str | None
    verbose: int
    estimators_: list[Backbone]

    @classmethod
    def of_kinds(cls, **parameters: Any) -> Self:
        """Return an LOE of three kinds of backbones, for tables whose ratio is known.

        Two members each of `NeuTraL` with soft labels, and of `DeepSVDD` and `AutoEncoder` with
        hard ones.
        """
        preset: dict[str, Any] = {
            "estimator": [NeuTraL(), DeepSVDD(), AutoEncoder()],
            "method": ["soft", "hard", "hard"],
            "n_estimators": 6,
        }
        return cls(**(preset | parameters))

    def _backbones(self) -> list[Backbone]:
        return backbones_of(self.estimator)

    def _default_of(self, name: str) -> Any:
        return self._backbones() if name == "estimator" else None

    def _namesake(self) -> str:
        # Who chose a backbone knows it by its name; nobody has chosen those of the default.
        chosen = self if self.estimator is None else self._backbones()[0]
        return type(chosen).__name__

    def _readers(self, *, fitted: bool) -> Sequence[Backbone]:
        return self.estimators_ if fitted else self._backbones()

    def _is_verbose(self) -> bool:
        return max(self.verbose, *(backbone.verbose for backbone in self._backbones())) > 0

    def _keeps_interrupted(self) -> bool:
        return self.keep == "partial"
