"""The suites: which fits belong to each, by default and as asked for on the command line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

from benchmarks.detectors import BACKBONES, METHODS, has_methods, is_ours
from benchmarks.fits import Fit
from benchmarks.peers.detectors import PEERS
from benchmarks.pictures import CLASSES
from benchmarks.sets import ADBENCH, MVTEC, ODDS

RATIOS = (0.05, 0.1, 0.15, 0.2)
# More than 20,000 rows, and as many are drawn of them unless --max-rows says otherwise.
LARGE = {"odds:cover", "odds:kdd", "odds:kddrev", "odds:mulcross", "odds:shuttle"}
LARGE_ROWS = 5_000
# Where a suite has many detectors or ratios, of any set.
FEW_ROWS = 3_000


@dataclass(frozen=True)
class Suite:
    """What a suite runs by default; each field can be chosen on the command line.

    `assumed` are the ratios given to LOE: numbers, ``"true"`` for the true one, None for none.
    `grid` takes every assumed ratio with every true one.
    """

    name: str
    purpose: str
    protocol: str
    sets: tuple[str, ...]
    detectors: tuple[str, ...]
    methods: tuple[str, ...] = ("",)
    setting: str = "paper"
    ratios: tuple[float | None, ...] = (0.1,)
    assumed: tuple[float | str | None, ...] = ("true",)
    seeds: tuple[int, ...] = tuple(range(5))
    max_rows: int | None = None
    max_rows_of_large: int | None = None
    # Without anomalies all methods are one: the first alone is run.
    clean_once: bool = False
    params: dict[str, Any] = field(default_factory=dict)
    device: str = "cpu"

    def fits(self) -> Iterator[Fit]:
        """All fits, those of one set and detector one after another."""
        for dataset, detector in product(self.sets, self.detectors):
            cap = self.max_rows
            if cap is None and dataset in LARGE:
                cap = self.max_rows_of_large
            for method, true, assumed, seed in product(
                self._methods_of(detector), self.ratios, self.assumed, self.seeds
            ):
                if self.clean_once and true == 0 and method != self._methods_of(detector)[0]:
                    continue
                yield Fit(
                    suite=self.name,
                    protocol=self.protocol,
                    dataset=dataset,
                    max_rows=cap or None,
                    detector=detector,
                    method=method,
                    setting=self._setting_of(detector),
                    params=self.params,
                    true_ratio=true,
                    assumed_ratio=self._assumed_of(detector, true, assumed),
                    seed=seed,
                    device=self.device,
                )

    def _methods_of(self, detector: str) -> tuple[str, ...]:
        return self.methods if has_methods(detector) else ("",)

    def _setting_of(self, detector: str) -> str:
        if detector == "LOE":
            return "default"
        return self.setting if is_ours(detector) else ""

    def _assumed_of(
        self, detector: str, true: float | None, assumed: float | str | None
    ) -> float | None:
        if not is_ours(detector) or (detector == "LOE" and self.protocol != "loe_tabular"):
            return None
        return true if assumed == "true" else assumed  # type: ignore[return-value]

    def with_choices(self, **choices: Any) -> Suite:
        """Return the suite with the fields that are not None replaced."""
        return replace(
            self, **{name: value for name, value in choices.items() if value is not None}
        )


_ODDS = tuple(f"odds:{name}" for name in ODDS)
_MVTEC = tuple(f"adbench:{name}" for name in MVTEC)
_CLASSES = tuple(f"{of}:{name}" for of in ("cifar10", "fmnist") for name in CLASSES[of])
_ADBENCH = tuple(f"adbench:{name}" for name in ADBENCH)

SUITES = {
    suite.name: suite
    for suite in (
        Suite(
            "paper-tabular",
            "the LOE paper's tabular table: 29 sets, its two backbones, four methods",
            protocol="loe_tabular",
            sets=_ODDS,
            detectors=("NeuTraL", "ICL"),
            methods=METHODS,
            max_rows_of_large=LARGE_ROWS,
        ),
        Suite(
            "adbench",
            "ADBench without labels: fit all rows, score the same; LOE() and each backbone",
            protocol="unsupervised",
            sets=_ADBENCH,
            detectors=("LOE", *BACKBONES),
            methods=("blind", "hard"),
            setting="default",
            ratios=(None,),
            assumed=(0.1,),
            seeds=(0,),
            max_rows=FEW_ROWS,
        ),
        Suite(
            "contamination-curve",
            "the paper's curve: the methods at true ratios from 0 to 20 %",
            protocol="loe_tabular",
            sets=("odds:thyroid",),
            detectors=("NeuTraL",),
            methods=METHODS,
            ratios=(0.0, *RATIOS),
        ),
        Suite(
            "misspecification",
            "assumed ratios of 5 to 20 % against true ones of 5 to 20 %",
            protocol="loe_tabular",
            sets=("odds:thyroid", "odds:cardio", "odds:satimage-2"),
            detectors=("NeuTraL",),
            methods=("hard", "soft"),
            ratios=RATIOS,
            assumed=RATIOS,
            seeds=(0, 1),
            max_rows=FEW_ROWS,
        ),
        Suite(
            "paper-image",
            "the LOE paper's one class against the rest, on features of CIFAR-10, Fashion-MNIST",
            protocol="one_vs_rest",
            sets=_CLASSES,
            detectors=("NeuTraL.for_features",),
            methods=METHODS,
            ratios=(0.0, 0.1),
            seeds=(0,),
            max_rows=1_000,
            clean_once=True,
            # At so few rows; the defaults are for the whole data sets.
            params={"scaling": "standard", "batch_size": 128},
        ),
        Suite(
            "paper-mvtec",
            "MVTec-AD, 15 categories, on ADBench's ResNet-18 features, 10 and 20 % anomalies",
            protocol="loe_tabular",
            sets=_MVTEC,
            detectors=("NeuTraL.for_features",),
            methods=METHODS,
            ratios=(0.1, 0.2),
            seeds=(0, 1, 2),
        ),
        Suite(
            "paper-video",
            "UCSD Ped2 without labels, 10 to 30 % anomalous frames",
            protocol="video",
            sets=("ped2:all",),
            detectors=("NeuTraL.for_features",),
            methods=METHODS,
            ratios=(0.1, 0.2, 0.3),
            seeds=(0, 1, 2),
            params={"scaling": "standard", "batch_size": 128},
        ),
        Suite(
            "peers",
            "LOE() beside the detectors of scikit-learn, PyOD and DeepOD, in ADBench's protocol",
            protocol="unsupervised",
            sets=_ADBENCH,
            detectors=("LOE", *PEERS),
            setting="default",
            ratios=(None,),
            assumed=(None,),
            seeds=(0,),
            max_rows=FEW_ROWS,
        ),
    )
}
