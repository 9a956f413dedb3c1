"""
How many anomalies are there? And if there are none?
====================================================

Without labels the share of anomalies can hardly be known. :class:`~lofe_sklearn.LOE` starts from
the assumption that anomalies are rare, and gives it up where detectors of different kinds agree on
more. Here it is asked about four data sets, the first of them without any anomaly.
"""

# %%
# Four shares
# -----------
# Normal rows are drawn from a normal distribution with correlated features. Anomalies are rows from
# a small group beside it.

import warnings

import matplotlib.pyplot as plt
import numpy as np

from lofe_sklearn import LOE
from lofe_sklearn.exceptions import NoSeparateGroupWarning

rng = np.random.default_rng(0)
mixing = rng.normal(size=(8, 8)) / np.sqrt(8)


def rows(share, n=1000):
    n_anomalies = round(share * n)
    normal = rng.normal(size=(n - n_anomalies, 8)) @ mixing
    group = 3.0 + 0.4 * rng.normal(size=(n_anomalies, 8))
    return np.vstack([normal, group])


shares = [0.0, 0.02, 0.1, 0.2]
found, warned = [], []
for share in shares:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        detector = LOE(random_state=0).fit(rows(share))
    warned.append(any(issubclass(w.category, NoSeparateGroupWarning) for w in caught))
    found.append((detector.contamination_, *detector.contamination_interval_))
    low, high = detector.contamination_interval_
    print(
        f"true {share:4.0%}: found {detector.contamination_:5.1%}, {low:.1%} to {high:.1%}"
        f"{', with a warning that no group was found' if warned[-1] else ''}"
    )

# %%
# What it found
# -------------
# Circles are the ratio that ``predict`` cuts at, bars the interval. Two per cent of anomalies are
# found exactly. Large groups are dense, so that neighbour distances take them for normal rows, and
# detectors do not agree: the warning says so, at most one row in twenty is flagged, and the
# interval is wide. It holds the truth in each case.

figure, axes = plt.subplots(figsize=(7, 3.6), layout="constrained")
for position, (share, (ratio, low, high), no_group) in enumerate(
    zip(shares, found, warned, strict=True)
):
    color = "#e45756" if no_group else "#4c78a8"
    axes.plot([position] * 2, [low, high], color=color, linewidth=6, alpha=0.35)
    axes.plot(position, ratio, "o", color=color)
    axes.plot([position - 0.25, position + 0.25], [share] * 2, color="black", linewidth=1.2)
axes.plot([], [], color="black", linewidth=1.2, label="the truth")
axes.plot([], [], "o", color="#4c78a8", label="found")
axes.plot([], [], "o", color="#e45756", label="found, with the warning")
axes.set_xticks(range(4), [f"{share:.0%} anomalies" for share in shares])
axes.set(ylabel="share of anomalies", ylim=(-0.01, 0.45))
axes.legend()
plt.show()
