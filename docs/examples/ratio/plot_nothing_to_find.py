"""
How many anomalies are there, if any?
=====================================

You learn what :class:`~lofe_sklearn.LOE` says about the share of anomalies when you do not tell it,
and how far you can trust the answer. Without labels the share can hardly be known. LOE assumes that
anomalies are rare, unless detectors of different kinds agree on a larger group.
"""

# %%
# Four shares
# -----------
# We ask about four data sets, the first of which has no anomaly at all. Normal rows are drawn from
# a normal distribution with correlated features. Anomalies are a small group beside it.

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
# Circles are the share that ``predict`` flags, bars are the interval. A small separate group of 2 %
# is found exactly. Large groups are dense, so that neighbour distances take them for normal rows,
# and the detectors do not agree. Then LOE warns, flags at most one row in twenty, and gives a wide
# interval. The interval holds the truth in all four cases.

figure, axes = plt.subplots(figsize=(7, 3.8), layout="constrained")
for place, (share, (ratio, low, high), no_group) in enumerate(
    zip(shares, found, warned, strict=True)
):
    color = "#d1730c" if no_group else "#54a24b"
    axes.plot([place] * 2, [low, high], color=color, linewidth=9, alpha=0.4)
    axes.plot(place, ratio, "s" if no_group else "o", color=color, markersize=9)
    axes.plot([place - 0.25, place + 0.25], [share] * 2, color="grey", linewidth=2.5)
axes.plot([], [], color="grey", linewidth=2.5, label="the truth")
axes.plot([], [], "o", color="#54a24b", markersize=9, label="found, and its interval")
axes.plot([], [], "s", color="#d1730c", markersize=9, label="the same, with the warning")
axes.set_xticks(range(4), [f"{share:.0%} anomalies" for share in shares])
axes.set(ylabel="share of anomalies", ylim=(-0.01, 0.55))
axes.yaxis.set_major_formatter("{x:.0%}")
axes.set_title("Where LOE cannot know the ratio, it says so")
axes.legend(ncols=3, loc="upper center", columnspacing=1.2, handletextpad=0.5)
plt.show()

# %%
# Go on with :doc:`/explanations/why_ratios_are_hard` and :doc:`/how_to/ratio`.
