"""
Where to cut: by a share, a budget, or false discoveries
========================================================

A ranking needs no threshold. ``predict`` does, and it can be set after the fit, without training
again.
"""

# %%
# One fit
# -------

import matplotlib.pyplot as plt
import numpy as np

from lofe_sklearn import LOE
from lofe_sklearn.datasets import load_thyroid

X, y = load_thyroid(return_X_y=True)
detector = LOE(random_state=0).fit(X)

# %%
# Four thresholds
# ---------------
# The first is the one that the fit has found. The others answer questions that users have: what if
# 2.5 % are anomalous? What if there is time to look at forty rows? What if at most a fifth of
# the flagged rows may be false alarms?

choices = {
    "found": None,
    "2.5 % are anomalous": {"contamination": 0.025},
    "time for 40 rows": {"n_flagged": 40},
    "1/5 false alarms": {"false_discovery_rate": 0.2},
}
scores = -detector.score_samples(X)
thresholds = {}
for name, choice in choices.items():
    if choice:
        detector.set_threshold(**choice)
    flagged = detector.predict(X) == -1
    thresholds[name] = scores[flagged].min()
    print(f"{name:20s} {flagged.sum():4d} flagged, {y[flagged].mean():.0%} of them ill")

# %%
# The false discovery rate rests on the probabilities, and these on a ratio that is not known. The
# true share of false alarms may differ a lot: the last column of the table says how much it does.
#
# On the scores
# -------------

figure, axes = plt.subplots(figsize=(8, 3.6), layout="constrained")
bins = np.linspace(scores.min(), scores.max(), 80)
axes.hist(
    [scores[y == 0], scores[y == 1]],
    bins,
    stacked=True,
    color=["#4c78a8", "#e45756"],
    label=["healthy", "ill"],
)
for (name, threshold), line in zip(thresholds.items(), ["-", "--", ":", "-."], strict=True):
    axes.axvline(threshold, color="black", linestyle=line, linewidth=1.2, label=name)
axes.set_yscale("log")
axes.set(xlabel="anomaly score", ylabel="patients")
axes.legend()
plt.show()
