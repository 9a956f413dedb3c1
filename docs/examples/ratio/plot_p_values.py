"""
Few false alarms: p-values and the false discovery rate
=======================================================

You learn how to flag new rows so that few of them are false alarms, whatever the detector is. It
takes some rows that are known to be normal. They turn scores into p-values: a normal row has a
p-value below 0.05 in one case of twenty.
"""

# %%
# Calibrate on normal rows
# ------------------------
# Measurements of cells from 569 tumours. Benign tumours are the normal rows here. The training rows
# are not clean, 10 of 190 are malignant. Another 100 benign tumours calibrate, and the rest is new.

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

detector = LOE(contamination=0.05, random_state=0).fit(X[training])
p = detector.p_values(X[new], calibration=X[calibration])
is_malignant = benign[new] == 0

# %%
# P-values of normal rows are spread evenly
# -----------------------------------------
# That is what makes them p-values, and it holds for any detector. If the detector is good, those of
# anomalies are small.

figure, axes = plt.subplots(figsize=(7, 3.6), layout="constrained")
axes.hist(
    [p[~is_malignant], p[is_malignant]],
    np.linspace(0, 1, 21),
    stacked=True,
    color=["#4c78a8", "#e45756"],
    label=["benign", "malignant"],
)
even = (~is_malignant).sum() / 20
axes.axhline(even, color="grey", linestyle="--", label="benign, if spread evenly")
axes.set(xlabel="p-value", ylabel="new tumours", xlim=(0, 1))
axes.set_title("Anomalies have small p-values, normal rows have any")
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

# %%
# Go on with :doc:`/how_to/threshold` and :doc:`/explanations/scores_and_probabilities`.
