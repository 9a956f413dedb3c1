"""
P-values, and false discoveries among new rows
==============================================

A score has no unit. A p-value has one: if a row is normal, its p-value is below 0.05 in one case of
twenty. It takes rows that are known to be normal to calibrate it.
"""

# %%
# Calibrate on normal rows
# ------------------------
# Measurements of cells from 569 tumours. Benign ones are normal here. The training rows are not
# clean: 10 of 190 are malignant. 100 other benign ones calibrate, and all the rest is new.

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import false_discovery_control
from sklearn.datasets import load_breast_cancer

from lofe_sklearn import LOE

X, benign = load_breast_cancer(return_X_y=True)
rng = np.random.default_rng(0)
normal, malignant = (rng.permutation(np.flatnonzero(benign == label)) for label in (1, 0))
training = np.concatenate([normal[:180], malignant[:10]])
calibration, new = normal[180:280], np.concatenate([normal[280:], malignant[10:50]])

detector = LOE(random_state=0).fit(X[training])
p = detector.p_values(X[new], calibration=X[calibration])
is_malignant = benign[new] == 0

# %%
# P-values of normal rows are uniform
# -----------------------------------
# That is what makes them p-values, and it holds for any detector. Those of anomalies are small, if
# the detector is good.

figure, axes = plt.subplots(figsize=(6.5, 3.4), layout="constrained")
bins = np.linspace(0, 1, 21)
axes.hist(
    [p[~is_malignant], p[is_malignant]],
    bins,
    stacked=True,
    color=["#4c78a8", "#e45756"],
    label=["benign", "malignant"],
)
axes.set(xlabel="p-value", ylabel="new rows", xlim=(0, 1))
axes.legend()
plt.show()

# %%
# Few false discoveries
# ---------------------
# Benjamini and Hochberg's procedure flags rows so that, on average over data sets, at most the
# wanted share of them is normal. In one data set it may be more.

for wanted in (0.1, 0.2, 0.3):
    flagged = false_discovery_control(p) <= wanted
    false = (flagged & ~is_malignant).sum() / max(flagged.sum(), 1)
    print(
        f"at most {wanted:.0%} false discoveries: {flagged.sum():2d} rows flagged, {false:.0%} of "
        f"them benign, {flagged[is_malignant].mean():.0%} of the malignant ones found"
    )
