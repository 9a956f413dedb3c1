"""
Clean a training set for another model
======================================

Anomalies in the training rows do harm to other models too. ``LOE.fit_resample`` returns the rows
without those that it labels as anomalies.
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
# A naive Bayes classifier takes means and variances, which a few large values spoil.

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
# How many new rows are classified right
# --------------------------------------

figure, axes = plt.subplots(figsize=(6.5, 2.4), layout="constrained")
bars = axes.barh(list(accuracy), list(accuracy.values()), color=["#9aa0a6", "#e45756", "#4c78a8"])
axes.bar_label(bars, fmt="%.3f", padding=3)
axes.invert_yaxis()
axes.set(xlabel="accuracy on new rows", xlim=(0, 1.1))
plt.show()
