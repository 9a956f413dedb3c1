"""The suites: which fits belong to each, by default and as asked for on the command line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

from benchmarks.adbench_sets import CLASSICAL, EMBEDDINGS, RARE
from benchmarks.detectors import BACKBONES, ENSEMBLES, METHODS, has_methods, is_ours
from benchmarks.fits import Fit
from benchmarks.peers.detectors import PEERS
from benchmarks.pictures import CLASSES
from benchmarks.sets import MVTEC, ODDS

RATIOS = (0.05, 0.1, 0.15, 0.2)
# More than 20,000 rows, and as many are drawn of them unless --max-rows says otherwise.
LARGE = {"odds:cover", "odds:kdd", "odds:kddrev", "odds:mulcross", "odds:shuttle"}
LARGE_ROWS = 5_000
# Where a suite has many detectors or ratios, of any set.
FEW_ROWS = 3_000


@dataclass(frozen=True)
class Way:
    """How a detector is run: LOE's method, the ratio that it is given, and other options."""

    method: str = ""
    assumed: float | str | None = None
    params: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Suite:
    """What a suite runs by default; each field can be chosen on the command line.

    `assumed` are the ratios given to LOE: numbers, ``"true"`` for the true one, None for none.
    Methods and assumed ratios are those of backbones. `loe` are the ways in which LOE with its own
    choice of them is run; where it is None, `assumed` and `params` say so.
    """

    name: str
    purpose: str
    protocols: tuple[str, ...]
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
    loe: tuple[Way, ...] | None = None

    def fits(self) -> Iterator[Fit]:
        """All fits, those of one set and detector one after another."""
        for dataset, detector, protocol in product(self.sets, self.detectors, self.protocols):
            cap = self.max_rows
            if cap is None and dataset in LARGE:
                cap = self.max_rows_of_large
            ways = self._ways(detector)
            for way, true, seed in product(ways, self.ratios, self.seeds):
                if self.clean_once and true == 0 and way.method != ways[0].method:
                    continue
                yield Fit(
                    suite=self.name,
                    protocol=protocol,
                    dataset=dataset,
                    max_rows=cap or None,
                    detector=detector,
                    method=way.method,
                    setting=self._setting_of(detector),
                    params=way.params,
                    true_ratio=true,
                    assumed_ratio=true if way.assumed == "true" else way.assumed,
                    seed=seed,
                    device=self.device,
                )

    def _ways(self, detector: str) -> list[Way]:
        """How a detector is run, which what its true ratio is has no part in."""
        if detector in ENSEMBLES and self.loe is not None:
            return list(self.loe)
        methods = self.methods if has_methods(detector) else ("",)
        assumed = self.assumed if is_ours(detector) else (None,)
        return [Way(m, ratio, self.params) for m, ratio in product(methods, assumed)]

    def _setting_of(self, detector: str) -> str:
        if detector in ENSEMBLES:
            return "default"
        return self.setting if is_ours(detector) else ""

    def with_choices(self, **choices: Any) -> Suite:
        """Return the suite with the fields that are not None replaced."""
        chosen = {name: value for name, value in choices.items() if value is not None}
        if chosen.keys() & {"assumed", "params"}:
            chosen["loe"] = None
        return replace(self, **chosen)


_ODDS = tuple(f"odds:{name}" for name in ODDS)
_MVTEC = tuple(f"adbench:{name}" for name in MVTEC)
_CLASSES = tuple(f"{of}:{name}" for of in ("cifar10", "fmnist") for name in CLASSES[of])
_ADBENCH = tuple(f"adbench:{name}" for name in (*CLASSICAL, *EMBEDDINGS))
_CONTAMINATED = tuple(f"adbench:{name}" for name in (*CLASSICAL, *EMBEDDINGS) if name not in RARE)

SUITES = {
    suite.name: suite
    for suite in (
        Suite(
            "paper-tabular",
            "the LOE paper's tabular table: 29 sets, its two backbones, four methods; LOE's own",
            protocols=("loe_tabular",),
            sets=_ODDS,
            detectors=("NeuTraL", "ICL", "LOE"),
            methods=METHODS,
            max_rows_of_large=LARGE_ROWS,
            loe=(Way("", "true", {"n_estimators": 12}),),
        ),
        Suite(
            "adbench",
            "ADBench, all rows and one class: LOE(), each backbone blind and with LOE, the peers",
            protocols=("unsupervised", "one_class"),
            sets=_ADBENCH,
            detectors=("LOE", *PEERS, *BACKBONES),
            methods=("blind", "hard"),
            setting="default",
            ratios=(None,),
            assumed=(0.1,),
            seeds=(0, 1, 2),
            max_rows=FEW_ROWS,
            loe=(Way(),),
        ),
        Suite(
            "contaminated",
            "ADBench, one class with 0 to 20 % anomalies left in training: LOE() and all others",
            protocols=("contaminated_one_class",),
            sets=_CONTAMINATED,
            detectors=("LOE", *PEERS, *BACKBONES),
            methods=("blind", "hard"),
            setting="default",
            ratios=(0.0, 0.03, 0.05, 0.07, 0.1, 0.2),
            seeds=(0, 1, 2),
            loe=(
                Way(),
                Way("", "true", {"n_estimators": 16}),
                Way("", None, {"evidence": None}),
                Way("blind"),
            ),
        ),
        Suite(
            "contamination-curve",
            "the paper's curve: the methods at true ratios from 0 to 20 %",
            protocols=("loe_tabular",),
            sets=("odds:thyroid",),
            detectors=("NeuTraL",),
            methods=METHODS,
            ratios=(0.0, *RATIOS),
        ),
        Suite(
            "misspecification",
            "assumed ratios of 5 to 20 % against true ones of 5 to 20 %",
            protocols=("loe_tabular",),
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
            protocols=("one_vs_rest",),
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
            protocols=("loe_tabular",),
            sets=_MVTEC,
            detectors=("NeuTraL.for_features",),
            methods=METHODS,
            ratios=(0.1, 0.2),
            seeds=(0, 1, 2),
        ),
        Suite(
            "paper-video",
            "UCSD Ped2 without labels, 10 to 30 % anomalous frames",
            protocols=("video",),
            sets=("ped2:all",),
            detectors=("NeuTraL.for_features",),
            methods=METHODS,
            ratios=(0.1, 0.2, 0.3),
            seeds=(0, 1, 2),
            params={"scaling": "standard", "batch_size": 128},
        ),
    )
}
