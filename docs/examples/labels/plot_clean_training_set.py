"""
Clean a training set for another model
======================================

You learn how to remove anomalies from a training set before you train something else on it, here a
classifier. ``LOE.fit_resample`` returns the rows without those that it labels as anomalies.
"""

# %%
# Wrong units in some of the rows
# -------------------------------
# Tumours are classified by thirty measurements of their cells. In a tenth of the training rows,
# half of the measurements were written down in another unit: they are ten times as large.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB

from lofe_sklearn import LOE

X, target = load_breast_cancer(return_X_y=True)
X_train, X_test, t_train, t_test = train_test_split(X, target, stratify=target, random_state=0)
rng = np.random.default_rng(0)
wrong = rng.random(len(X_train)) < 0.1
in_other_unit = wrong[:, None] & (rng.random(X_train.shape) < 0.5)
X_train = np.where(in_other_unit, 10 * X_train, X_train)

# %%
# One classifier, three training sets
# -----------------------------------
# A naive Bayes classifier uses means and variances, which a few large values spoil.

cleaner = LOE(contamination=0.1, random_state=0)
X_clean, t_clean = cleaner.fit_resample(X_train, t_train)
removed = cleaner.labels_ == -1
print(f"removed {removed.sum()} rows; {(removed & wrong).sum()} of the {wrong.sum()} wrong ones")

fits = {
    "all rows": (X_train, t_train),
    "cleaned by LOE": (X_clean, t_clean),
    "without the wrong rows": (X_train[~wrong], t_train[~wrong]),
}
accuracy = {
    name: GaussianNB().fit(rows, targets).score(X_test, t_test)
    for name, (rows, targets) in fits.items()
}

# %%
# What was removed, and what it brings
# ------------------------------------
# Left, two of the thirty measurements: rings are around the rows that LOE removed. Right, the share
# of new tumours that the classifier gets right. The last bar shows what would be reached if
# somebody knew the wrong rows.

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
for is_wrong, color, text in ((False, "#4c78a8", "right"), (True, "#e45756", "in a wrong unit")):
    left.scatter(*X_train[wrong == is_wrong][:, [0, 20]].T, s=12, color=color, label=text)
left.scatter(
    *X_train[removed][:, [0, 20]].T, s=55, facecolors="none", edgecolors="grey", label="removed"
)
left.set(xscale="log", yscale="log", xlabel="mean radius", ylabel="worst radius")
left.set_title(f"{(removed & wrong).sum()} of {wrong.sum()} wrong rows are removed")
left.legend(loc="center", bbox_to_anchor=(0.42, 0.5))
bars = right.barh(list(accuracy), list(accuracy.values()), color=["#9aa0a6", "#54a24b", "#9aa0a6"])
bars[2].set_alpha(0.5)
right.bar_label(bars, fmt="%.2f", padding=3)
right.invert_yaxis()
right.set(xlabel="accuracy on new rows", xlim=(0, 1.1))
right.set_title("Cleaning repairs the classifier")
plt.show()

# %%
# Go on with :doc:`/how_to/clean_training_set`.
