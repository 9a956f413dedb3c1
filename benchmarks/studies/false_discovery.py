"""How many of the flagged rows are normal where a false discovery rate was asked for?

    python -m benchmarks study false-discovery

`set_threshold(false_discovery_rate=...)` of Deep SVDD under LOE with two members, at most 1,000
rows of each set: by held-out scores (`held_out_folds=3`) and by probabilities, with the true
contamination and with twice as much. Beside it Benjamini and Hochberg's procedure over `p_values`
of rows that were not trained on, with calibration rows that are normal: half of the rows are
trained on, the normal ones of a quarter calibrate, and the last quarter is judged. Where nothing
can be flagged, no flagged row is normal.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.stats import false_discovery_control

from benchmarks.ledger import Row
from benchmarks.markdown import short, table
from benchmarks.means import grouped, over_sets
from benchmarks.sets import SOEL, load_table
from benchmarks.study import Axis, Study
from lofe_sklearn import LOE, DeepSVDD

OTHERS = tuple(f"odds:{name}" for name in ("wbc", "vowels", "satimage-2", "letter", "pendigits"))
MAX_ROWS = 1000
RATES = (0.1, 0.2, 0.4)
FIGURES = ("false_discoveries", "found")


def run(cell: Row) -> Iterator[Row]:
    """Fit each detector once, and ask it for every rate."""
    seed = cell["seed"]
    X, y = load_table(cell["dataset"], MAX_ROWS)
    ratio = float(np.mean(y))
    for told, share in (("true", ratio), ("twice", min(0.5, 2 * ratio))):
        for method, folds in (("held-out scores", 3), ("probabilities", None)):
            detector = _loe(share, seed, folds).fit(X)
            for rate in RATES:
                yield {"method": method, "told": told, "rate": rate} | judge(
                    y, flagged_at(detector, rate)
                )
    order = np.random.default_rng(seed).permutation(len(X))
    train, calibration, judged = np.split(order, [len(X) // 2, 3 * len(X) // 4])
    normal = calibration[y[calibration] == 0]
    detector = _loe(ratio, seed).fit(X[train])
    adjusted = false_discovery_control(detector.p_values(X[judged], calibration=X[normal]))
    for rate in RATES:
        yield {"method": "p-values, clean calibration", "told": "true", "rate": rate} | judge(
            y[judged], adjusted <= rate
        )


def _loe(share: float, seed: int, folds: int | None = None) -> LOE:
    return LOE(
        DeepSVDD(),
        contamination=share,
        evidence=None,
        n_estimators=2,
        held_out_folds=folds,
        random_state=seed,
    )


def flagged_at(detector: LOE, rate: float) -> np.ndarray:
    """Return which training rows are flagged at a rate: none where it cannot be met."""
    try:
        return detector.set_threshold(false_discovery_rate=rate).labels_ == -1
    except ValueError as error:
        if "cannot be met" not in str(error):
            raise
        return np.zeros(len(detector.labels_), dtype=bool)


def judge(y: np.ndarray, flagged: np.ndarray) -> Row:
    """Return the share of normal rows among the flagged, and that of the anomalies flagged."""
    n_flagged = int(flagged.sum())
    return {
        "n_rows": len(y),
        "n_anomalies": int(y.sum()),
        "n_flagged": n_flagged,
        "false_discoveries": round(float(np.mean(y[flagged] == 0)) if n_flagged else 0.0, 4),
        "found": round(float(flagged[y == 1].mean()) if y.any() else 0.0, 4),
    }


def tables(rows: list[Row]) -> str:
    """Return the mean over sets for each method and rate, and where the rate was exceeded."""
    lines = []
    for (method, told, rate), own in grouped(rows, "method", "told", "rate").items():
        worse = sum(row["false_discoveries"] > rate for row in own)
        none = sum(row["n_flagged"] == 0 for row in own)
        means = map(short, over_sets(own, FIGURES))
        lines.append([method, told, short(rate, 1), *means, f"{worse} of {len(own)}", none])
    header = ["by", "contamination told", "rate", "false discoveries", "anomalies found"]
    return table([*header, "exceeded in", "none flagged"], lines)


STUDY = Study(
    "false-discovery",
    "normal rows among those flagged at a false discovery rate",
    axes={"seed": Axis((0,)), "dataset": Axis((*SOEL, *OTHERS))},
    run=run,
    tables=tables,
)
