"""
Plot a fitted detector
======================

You see all pictures that the library draws of a fitted detector, each with one line of code (extra
``plot``). The classes of :mod:`lofe_sklearn.plotting` work as scikit-learn's displays do:
``from_estimator`` takes a fitted detector, a search, or a Pipeline that ends in one, and ``ax``
says where to draw.
"""

# %%
# Scores and threshold
# --------------------
# The data are thyroid measurements; 2.5 % of the patients are ill, which nobody tells the detector.
# The line is the threshold that it has found. The shaded interval shows where the threshold might
# as well be.

# sphinx_gallery_thumbnail_number = 2
import warnings

import matplotlib.pyplot as plt
import numpy as np

from lofe_sklearn import LOE, DeepSVDD, LOESearchCV, NoSeparateGroupWarning
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

warnings.simplefilter("ignore", NoSeparateGroupWarning)
X, y = load_thyroid(return_X_y=True)
detector = LOE(random_state=0).fit(X)
ScoresDisplay.from_estimator(detector)
plt.show()

# %%
# What the ratio rests on
# -----------------------
# The upper picture shows how far detectors of different kinds agree on the rows above each cut. The
# lower one shows the belief about the ratio: the prior, changed by the agreement.

ContaminationDisplay.from_estimator(detector)
plt.show()

# %%
# Losses and labels by epoch
# --------------------------
# Thin lines are members, and thick lines are their median. Each member labels the share of rows
# that it assumes to be anomalies.

TrainingDisplay.from_estimator(detector)
plt.show()

# %%
# Why is this row an anomaly?
# ---------------------------
# Each bar is the contribution of one feature to the score.

ReasonsDisplay.from_estimator(detector, X, row=int(np.argmin(detector.score_samples(X))))
plt.show()

# %%
# Has the data changed since?
# ---------------------------
# A detector is fitted to a third of the patients, and another third is the reference. The rest is
# scored twice: as it is, and with two measurements in another unit.

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
# If labels are known, two more pictures show whether the probabilities are right, and which ratio
# does best in cross-validation.

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

# %%
# Go on with :doc:`/how_to/plots`.
