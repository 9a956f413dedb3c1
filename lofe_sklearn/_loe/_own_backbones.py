"""What LOE's parameters say, before anything is fitted: above all its backbones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lofe_sklearn._loe._parameters import backbones_of
from lofe_sklearn.backbones import Backbone


class OwnBackbonesMixin:
    """Whose rows, parameters and names are those of LOE's backbones."""

    estimator: Any
    method: Any
    evidence: Any
    keep: str | None
    n_jobs: int | None
    verbose: int
    estimators_: list[Backbone]

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

    def _jobs(self) -> int | None:
        return self.n_jobs
