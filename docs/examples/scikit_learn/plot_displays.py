"""
Pictures of a fitted detector
=============================

The classes of :mod:`lofe_sklearn.plotting` (extra ``plot``) draw what a fitted detector has found,
and what that rests on. They work as scikit-learn's displays do: ``from_estimator`` takes a fitted
detector, a search, or a Pipeline that ends in one, and ``ax`` says where to draw.
"""

# %%
# Scores and threshold
# --------------------
# The data are thyroid measurements; 2.5 % of the patients are ill. Nobody tells the detector. The
# threshold is where it cuts, and the shaded interval is where it might as well have.

import matplotlib.pyplot as plt
import numpy as np

from lofe_sklearn import LOE, DeepSVDD, LOESearchCV
from lofe_sklearn.datasets import load_thyroid
from lofe_sklearn.plotting import (
    ContaminationDisplay,
    DriftDisplay,
    ReasonsDisplay,
    ReliabilityDisplay,
    ScoresDisplay,
    SearchDisplay,
    TrainingDisplay,
)

X, y = load_thyroid(return_X_y=True)
detector = LOE(random_state=0).fit(X)
ScoresDisplay.from_estimator(detector)
plt.show()

# %%
# What the ratio rests on
# -----------------------
# Detectors of different kinds agree on the rows above a cut more than usual, or they do not. The
# prior and this agreement make the belief.

ContaminationDisplay.from_estimator(detector)
plt.show()

# %%
# Losses and labels by epoch
# --------------------------
# Thin lines are members, thick ones their median. Each member labels the share of the rows that it
# assumes.

TrainingDisplay.from_estimator(detector)
plt.show()

# %%
# Why this row?
# -------------

ReasonsDisplay.from_estimator(detector, X, row=int(np.argmin(detector.score_samples(X))))
plt.show()

# %%
# Has the data changed since?
# ---------------------------
# A detector that was fitted to a third of the patients scores another third, once as they are and
# once as if two measurements came in another unit. The last third is the reference.

train, kept_back, new = X[::3], X[1::3], X[2::3]
changed = new * np.where(np.arange(X.shape[1]) < 2, 1.5, 1.0)
earlier = LOE(DeepSVDD(), contamination=0.025, random_state=0).fit(train)
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
DriftDisplay.from_estimator(earlier, new, reference=kept_back, name="as before", ax=left)
DriftDisplay.from_estimator(earlier, changed, reference=kept_back, name="changed", ax=right)
plt.show()

# %%
# With labels
# -----------
# Where labels are known, the next two tell how good the probabilities are, and which ratio does
# best in cross-validation.

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
ReliabilityDisplay.from_estimator(detector, X, y, n_bins=5, ax=left)
small = LOE(DeepSVDD(max_epochs=10), random_state=0)
grid = {"contamination": [0.005, 0.01, 0.025, 0.05, 0.1, 0.2], "method": ["hard", "soft"]}
search = LOESearchCV(small, grid, cv=4).fit(X, y)
SearchDisplay.from_estimator(search, ax=right)
plt.show()

# %%
# In a notebook
# -------------
# A fitted detector on the last line of a cell shows a summary.

detector.set_threshold(n_flagged=100)
