"""
First steps: rank the rows of a table
=====================================

You learn how to get a ranked list of suspicious rows from a table of numbers, without any labels
and without knowing how many anomalies there are. :class:`~lofe_sklearn.LOE` needs no parameter for
that.
"""

# %%
# Fit
# ---
# The table has 3,772 patients with six measurements of the thyroid each. Some of the patients are
# ill. The labels are used only at the end, to see how good the list is.

# sphinx_gallery_thumbnail_number = 3
import warnings

import matplotlib.pyplot as plt
import numpy as np

from lofe_sklearn import LOE, NoSeparateGroupWarning
from lofe_sklearn.datasets import load_thyroid
from lofe_sklearn.plotting import ReasonsDisplay, ScoresDisplay

warnings.simplefilter("ignore", NoSeparateGroupWarning)  # the text below says why
data = load_thyroid()
detector = LOE(random_state=0).fit(data.data)

low, high = detector.contamination_interval_
print(f"share of anomalies: {detector.contamination_:.1%}, perhaps {low:.1%} to {high:.1%}")
print(f"flagged: {(detector.labels_ == -1).sum()} of {len(data.data)} rows")

# %%
# Without the line with ``warnings`` the fit warns: it does not know how many rows are anomalies,
# since detectors of different kinds do not agree on one group. That concerns the threshold only.
# The ranking does not depend on it.
#
# Look at the scores
# ------------------
# Anomalies have low scores. The dashed line is the threshold, and the shaded interval shows where
# it might as well be.

ScoresDisplay.from_estimator(detector)
plt.show()

# %%
# Print the list
# --------------
# These are the most anomalous rows, with the probability that each is an anomaly.

order = np.argsort(detector.score_samples(data.data))
probability = detector.predict_proba(data.data)[:, 1]
for row in order[:8]:
    print(f"row {row:4d}   probability {probability[row]:.2f}   {data.data[row].round(3)}")

# %%
# Ask why
# -------
# ``explain`` compares each value of a row with the typical value. The longest bar is the main
# reason why the first row is on top of the list.

ReasonsDisplay.from_estimator(detector, data.data, row=order[0])
plt.show()

# %%
# Check the list
# --------------
# Now the labels show how many of the ill patients somebody finds who reads the list from the top.

found = np.cumsum(data.target[order]) / data.target.sum()
n_looked_at = np.arange(1, len(order) + 1)
figure, axes = plt.subplots(figsize=(6.5, 3.6), layout="constrained")
axes.plot(n_looked_at, found, color="#e45756", linewidth=2, label="by the list")
axes.plot([0, 400], [0, 400 / len(order)], color="grey", linestyle="--", label="in random order")
axes.fill_between(n_looked_at, n_looked_at / len(order), found, color="#e45756", alpha=0.12)
axes.plot(100, found[99], "o", color="#e45756")
axes.set(xlim=(0, 400), ylim=(0, 1.02), xlabel="rows looked at", ylabel="share of the ill found")
axes.set_title(f"The first 100 of {len(order):,} rows hold {found[99]:.0%} of the ill patients")
axes.legend(loc="center right")
plt.show()

# %%
# Go on with :doc:`/how_to/tables` (text, dates and missing values), :doc:`/how_to/threshold` (flag
# as many rows as you can look at) and :doc:`/explanations/why_ratios_are_hard`.
