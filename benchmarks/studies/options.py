"""What single options of the backbones change: sizes, scaling, transformations, losses.

    python -m benchmarks study options
    python -m benchmarks study options --comparisons sizes --show

Each comparison fits some alternatives in the LOE paper's tabular protocol, as the suite
`paper-tabular` does. Where an alternative is NeuTraL or ICL with the defaults, its rows are those
in that suite's result file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.fits import Fit, Stack
from benchmarks.ledger import RESULTS, Row, read
from benchmarks.markdown import short, table
from benchmarks.means import grouped, of_each_set, over_sets, short_name
from benchmarks.study import Axis, Study

SUITE, SETTING = "paper-tabular", "paper"
RATIO = 0.1
FIGURES = ("roc_auc", "average_precision", "f1")


def _odds(*names: str) -> tuple[str, ...]:
    return tuple(f"odds:{name}" for name in names)


@dataclass(frozen=True)
class Comparison:
    """Alternatives on the same sets.

    Attributes
    ----------
    sets, methods : tuple of str
        What each alternative is fitted on, and how.
    alternatives : dict of str to (str, dict)
        The name of each: its backbone and parameters.
    of_suite : tuple of str
        Backbones whose rows with the defaults are those of the suite.
    n_seeds : int
        Seeds, from 0.
    max_rows : int, optional
        Rows of each set. Default: all.
    """

    sets: tuple[str, ...]
    methods: tuple[str, ...]
    alternatives: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    of_suite: tuple[str, ...] = ()
    n_seeds: int = 2
    max_rows: int | None = None


EIGHT = _odds(
    *("wine", "breastw", "thyroid", "vowels", "cardio", "pendigits", "satimage-2", "mnist")
)
COMPARISONS = {
    "backbones": Comparison(
        EIGHT,
        ("blind", "soft", "hard"),
        {
            name: (name, {})
            for name in ("GOAD", "DeepSVDD", "AutoEncoder", "TCCM", "DTE", "RealNVP")
        },
        of_suite=("NeuTraL", "ICL"),
        n_seeds=5,
    ),
    "neutral": Comparison(
        _odds("wine", "breastw", "thyroid", "vowels", "cardio", "arrhythmia", "wbc"),
        ("soft",),
        {
            "scaling=rms": ("NeuTraL", {"scaling": "rms"}),
            "scaling=minmax": ("NeuTraL", {"scaling": "minmax"}),
            "scaling=standard": ("NeuTraL", {"scaling": "standard"}),
            "transform_type=residual": ("NeuTraL", {"transform_type": "residual"}),
            "transform_type=multiplicative": ("NeuTraL", {"transform_type": "multiplicative"}),
        },
        of_suite=("NeuTraL",),
    ),
    "icl-gains": Comparison(
        _odds("pendigits", "satimage-2", "breastw"),
        ("hard",),
        {
            "n_permutations=1": ("ICL", {"n_permutations": 1}),
            "n_permutations=1 feature_gain=0 feature_offset=0": (
                "ICL",
                {"n_permutations": 1, "feature_gain": 0, "feature_offset": 0},
            ),
        },
    ),
    "icl-scaling": Comparison(
        _odds(
            *("ecoli", "wbc", "breastw", "pima", "wine", "vowels", "letter", "annthyroid"),
            "thyroid",
        ),
        ("hard",),
        {
            "n_permutations=1": ("ICL", {"n_permutations": 1}),
            "n_permutations=1 scaling=minmax feature_gain=0.6 feature_offset=0.1": (
                "ICL",
                {
                    "n_permutations": 1,
                    "scaling": "minmax",
                    "feature_gain": 0.6,
                    "feature_offset": 0.1,
                },
            ),
            "mixed_scaling=False": ("ICL", {"mixed_scaling": False}),
        },
        of_suite=("ICL",),
    ),
    "deep-svdd-loss": Comparison(
        EIGHT,
        ("soft", "hard"),
        {
            "anomaly_loss=hypersphere": ("DeepSVDD", {}),
            "anomaly_loss=inverse": ("DeepSVDD", {"anomaly_loss": "inverse"}),
        },
    ),
    "tccm-times": Comparison(
        EIGHT,
        ("blind", "soft", "hard"),
        {"TCCM n_times=1": ("TCCM", {"n_times": 1}), "TCCM n_times=4": ("TCCM", {"n_times": 4})},
    ),
    "sizes": Comparison(
        _odds(
            *("thyroid", "arrhythmia", "cardio", "satimage-2", "pendigits", "breastw", "wbc"),
            *("vowels", "ionosphere", "annthyroid"),
        ),
        ("blind", "soft", "hard"),
        {
            "AutoEncoder": ("AutoEncoder", {}),
            "AutoEncoder hidden_sizes=(16, 4)": ("AutoEncoder", {"hidden_sizes": [16, 4]}),
            "AutoEncoder scaling=minmax": ("AutoEncoder", {"scaling": "minmax"}),
            "DeepSVDD": ("DeepSVDD", {}),
            "DeepSVDD hidden_sizes=(128, 64, 32)": ("DeepSVDD", {"hidden_sizes": [128, 64, 32]}),
            "DeepSVDD scaling=minmax": ("DeepSVDD", {"scaling": "minmax"}),
        },
        max_rows=3000,
    ),
}


def applies(cell: Row) -> bool:
    """Whether the comparison has this alternative and this set."""
    comparison = COMPARISONS[cell["comparison"]]
    return cell["alternative"] in comparison.alternatives and cell["dataset"] in comparison.sets


def run(cell: Row) -> Iterator[Row]:
    """Fit one alternative on one set, all methods and seeds in one stack."""
    comparison = COMPARISONS[cell["comparison"]]
    backbone, params = comparison.alternatives[cell["alternative"]]
    fits = tuple(
        Fit(
            suite=SUITE,
            protocol="loe_tabular",
            dataset=cell["dataset"],
            max_rows=comparison.max_rows,
            detector=backbone,
            method=method,
            setting=SETTING,
            params=params,
            true_ratio=RATIO,
            assumed_ratio=RATIO,
            seed=seed,
        )
        for method in comparison.methods
        for seed in range(comparison.n_seeds)
    )
    for row in Stack(fits).run(command=""):
        if row["error"]:
            raise RuntimeError(row["error"])
        figures = (*FIGURES, "fit_cpu_seconds", "n_train", "n_features")
        yield {name: row[name] for name in ("method", "seed", *figures)}


def tables(rows: list[Row]) -> str:
    """Return a table for each comparison: mean F1 and ROC AUC, and the F1 of each set."""
    parts = []
    for (name,), own in grouped(rows, "comparison").items():
        comparison = COMPARISONS[name]
        sets = [dataset for dataset in comparison.sets if dataset in {r["dataset"] for r in own}]
        lines = []
        both = [*_of_suite(comparison, sets), *own]
        for (alternative, method), some in grouped(both, "alternative", "method").items():
            each = of_each_set(some, ["f1"])
            f1, auc = over_sets(some, ("f1", "roc_auc"))
            cells = [short(each[dataset][0], 2) if dataset in each else "-" for dataset in sets]
            lines.append([alternative, method, short(f1), short(auc), *cells])
        header = ["alternative", "method", "mean F1", "mean ROC AUC"]
        seeds = comparison.n_seeds
        parts.append(
            f"{name}, F1 of each set, {seeds} seeds\n\n"
            + table([*header, *map(short_name, sets)], lines)
        )
    return "\n\n".join(parts)


def _of_suite(comparison: Comparison, sets: list[str]) -> list[Row]:
    """Return the rows of the suite for backbones with the defaults, on the same seeds."""
    path = RESULTS / f"{SUITE}.jsonl"
    if not (comparison.of_suite and path.exists()):
        return []
    rows = [
        row | {"alternative": f"{row['detector']}, the suite's"}
        for row in read([path])
        if row["detector"] in comparison.of_suite
        and row["setting"] == SETTING
        and row["dataset"] in sets
        and row["method"] in comparison.methods
        and row["seed"] < comparison.n_seeds
        and not row["params"]
        and not row["error"]
        and np.isclose(row["true_ratio"], RATIO)
    ]
    return sorted(rows, key=lambda row: comparison.of_suite.index(row["detector"]))


def _all_of(field: str) -> tuple[str, ...]:
    """Return the alternatives or the sets of all comparisons, each once."""
    names = (name for one in COMPARISONS.values() for name in getattr(one, field))
    return tuple(dict.fromkeys(names))


STUDY = Study(
    "options",
    "backbones and their options in the LOE paper's protocol: sizes, scaling, losses",
    axes={
        "comparison": Axis(tuple(COMPARISONS), choices=tuple(COMPARISONS)),
        "alternative": Axis(_all_of("alternatives")),
        "dataset": Axis(_all_of("sets")),
    },
    run=run,
    tables=tables,
    applies=applies,
)
