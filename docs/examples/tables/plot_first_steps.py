"""
First steps: the rows of a table to look at
===========================================

A table of numbers, no labels, and no idea how many anomalies there are: this is what most people
have. :class:`~lofe_sklearn.LOE` with nothing chosen ranks the rows, and says how sure it is.
"""

# %%
# Fit
# ---
# 3,772 patients with six measurements of the thyroid each. The labels are only used at the end, to
# see how good the list is.

import matplotlib.pyplot as plt
import numpy as np

from lofe_sklearn import LOE
from lofe_sklearn.datasets import load_thyroid
from lofe_sklearn.plotting import ReasonsDisplay, ScoresDisplay

data = load_thyroid()
detector = LOE(random_state=0).fit(data.data)

low, high = detector.contamination_interval_
print(f"share of anomalies: {detector.contamination_:.1%}, perhaps {low:.1%} to {high:.1%}")
print(f"flagged: {(detector.labels_ == -1).sum()} of {len(data.data)} rows")

# %%
# The scores
# ----------
# Low scores are anomalous. The threshold is drawn as a line, and the shaded interval shows where it
# might as well have been. It is wide here, and the fit has warned of that: detectors of different
# kinds do not agree on one group of anomalies. The ranking does not depend on the threshold.

ScoresDisplay.from_estimator(detector)
plt.show()

# %%
# The list
# --------
# The most anomalous rows, with the probability that each is an anomaly.

order = np.argsort(detector.score_samples(data.data))
probability = detector.predict_proba(data.data)[:, 1]
for row in order[:8]:
    print(f"row {row:4d}   probability {probability[row]:.2f}   {data.data[row].round(3)}")

# %%
# Why is the first row on the list?
# ---------------------------------
# ``explain`` compares each value with the typical one.

ReasonsDisplay.from_estimator(detector, data.data, row=order[0])
plt.show()

# %%
# How good is the list?
# ---------------------
# With the labels, which the detector has not seen: the share of ill patients among the first rows.

is_ill = data.target[order] == 1
n_looked_at = np.arange(1, len(order) + 1)
figure, axes = plt.subplots(figsize=(6, 3.4), layout="constrained")
axes.plot(n_looked_at, np.cumsum(is_ill) / is_ill.sum(), label="by the list")
axes.plot([0, 400], [0, 400 / len(order)], color="grey", linestyle="--", label="at random")
axes.set(xlim=(0, 400), ylim=(0, 1.02), xlabel="rows looked at", ylabel="ill patients found")
axes.legend()
plt.show()
