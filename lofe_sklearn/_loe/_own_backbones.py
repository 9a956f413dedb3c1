"""What LOE's parameters say, before anything is fitted: above all its backbones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from lofe_sklearn._loe._parameters import backbones_of
from lofe_sklearn.backbones import Backbone, DeepSVDD, NeuTraL


class OwnBackbonesMixin:
    """Whose rows, parameters and names are those of LOE's backbones."""

    estimator: Any
    method: Any
    evidence: Any
    keep: str | None
    n_jobs: int | None
    verbose: int
    estimators_: list[Backbone]

    @classmethod
    def of_kinds(cls, **parameters: Any) -> Self:
        """Return an LOE of two kinds of backbones, for tables whose ratio is known.

        Four members are `NeuTraL` with soft labels, and two `DeepSVDD` with hard ones, from first
        labels by the distance to the 5th neighbour, without evidence. The score is the mean of
        their standardised log losses.

        Under the LOE paper's protocol these two kinds, NeuTraL counted twice, had the best mean ROC
        AUC of all combinations, ahead of each kind alone; the F1 of `NeuTraL` alone was no worse.
        The first labels are worth more than the choice of kinds. They suit anomalies that are
        scattered: those that stand close together have close neighbours, and ``init="iforest"``
        finds more of them. The study ``kinds`` of the benchmarks has all figures.

        A fit takes several times as long as one of `LOE` with its own backbones.

        Parameters
        ----------
        **parameters
            Parameters of `LOE` to set, such as `contamination`, or to set otherwise.

        Returns
        -------
        detector : LOE

        Examples
        --------
        >>> from lofe_sklearn import LOE
        >>> detector = LOE.of_kinds(contamination=0.1, random_state=0)
        >>> detector.method
        ['soft', 'soft', 'hard']
        """
        preset: dict[str, Any] = {
            # In turn, so that NeuTraL counts twice.
            "estimator": [NeuTraL(), NeuTraL(), DeepSVDD()],
            "method": ["soft", "soft", "hard"],
            "n_estimators": 6,
            "init": "knn",
            "evidence": None,
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

    def _jobs(self) -> int | None:
        return self.n_jobs
