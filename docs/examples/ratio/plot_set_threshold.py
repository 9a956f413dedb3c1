"""
Set the threshold: by a share, a budget, or false discoveries
=============================================================

You learn how to choose which rows ``predict`` flags, after the fit and without training again. The
ranking stays the same, only the cut moves.
"""

# %%
# One fit
# -------
# Measurements of 3,772 thyroid patients. The fit does not know how many of them are ill, and would
# warn of that. We set the threshold ourselves, so the warning is not needed.

import warnings

import matplotlib.pyplot as plt
import numpy as np

from lofe_sklearn import LOE, NoSeparateGroupWarning
from lofe_sklearn.datasets import load_thyroid

warnings.simplefilter("ignore", NoSeparateGroupWarning)
X, y = load_thyroid(return_X_y=True)
detector = LOE(random_state=0).fit(X)

# %%
# Four thresholds
# ---------------
# The first threshold is the one that the fit has found. The others answer questions that users
# have. What if 2.5 % are anomalous? What if there is time to look at forty rows? What if at most a
# fifth of the flagged rows may be false alarms?

choices = {
    "found by the fit": None,
    "2.5 % are anomalous": {"contamination": 0.025},
    "time for 40 rows": {"n_flagged": 40},
    "1/5 false alarms": {"false_discovery_rate": 0.2},
}
scores = -detector.score_samples(X)
n_flagged = {}
for name, choice in choices.items():
    if choice:
        detector.set_threshold(**choice)
    flagged = detector.predict(X) == -1
    n_flagged[name] = flagged.sum()
    print(f"{name:20s} {flagged.sum():4d} flagged, {y[flagged].mean():.0%} of them ill")

# %%
# The false discovery rate rests on the probabilities, and these rest on a ratio that is not known.
# So the true share of false alarms may differ from the one that was asked for.
#
# What each threshold flags
# -------------------------
# The upper picture has the scores with the four thresholds, and the lower one the rows above each.

figure, (top, bottom) = plt.subplots(
    2, 1, figsize=(9, 5.4), height_ratios=(1.5, 1), layout="constrained"
)
bins = np.linspace(scores.min(), scores.max(), 80)
top.hist(
    [scores[y == 0], scores[y == 1]],
    bins,
    stacked=True,
    color=["#4c78a8", "#e45756"],
    label=["healthy", "ill"],
)
ordered = np.sort(scores)[::-1]
names = sorted(n_flagged, key=n_flagged.get)
for name, line in zip(names, ["-.", "-", ":", "--"], strict=True):
    cut = ordered[n_flagged[name] - 1]
    top.axvline(cut, color="grey", linestyle=line, linewidth=1.6, label=name)
top.set_yscale("log")
top.set(xlabel="anomaly score", ylabel="patients", title="One ranking, four places to cut it")
top.legend(loc="upper left", bbox_to_anchor=(1, 1))

ill = [y[scores >= ordered[n_flagged[name] - 1]].sum() for name in names]
healthy = [n_flagged[name] - n for name, n in zip(names, ill, strict=True)]
bottom.barh(names, ill, color="#e45756")
bars = bottom.barh(names, healthy, left=ill, color="#4c78a8")
labels = [f"{n_flagged[name]} flagged, {n} ill" for name, n in zip(names, ill, strict=True)]
bottom.bar_label(bars, labels, padding=4)
bottom.set(xlabel="patients flagged", xlim=(0, 1.35 * max(n_flagged.values())))
plt.show()

# %%
# Go on with :doc:`/how_to/threshold`. With rows that are known to be normal, false discoveries can
# be controlled: see :doc:`/auto_examples/ratio/plot_p_values`.
