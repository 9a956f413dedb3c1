"""
Blind training against LOE
==========================

A deep detector is trained on rows of which one in ten is an anomaly, once as if all of them were
normal and once with :class:`~lofe_sklearn.LOE`, which infers each row's label while it learns.
"""

# %%
# The data
# --------
# Six measurements of thyroid patients. The paper's protocol takes half of the normal rows for
# training, adds anomalies with noise until they are a tenth of all, and tests on the rest.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import roc_auc_score

from lofe_sklearn import LOE, NeuTraL
from lofe_sklearn.datasets import load_thyroid, loe_tabular_split
from lofe_sklearn.metrics import f1_at_true_ratio

X, y = load_thyroid(return_X_y=True)
X_train, X_test, y_train, y_test = loe_tabular_split(X, y, contamination=0.1, random_state=0)
print(f"{len(X_train)} training rows, {y_train.sum()} of them anomalies")

# %%
# Two fits
# --------
# ``y_train`` is not used: neither detector sees a label.

setting = {"contamination": 0.1, "init": None, "random_state": 0}
detectors = {
    "trained blind": LOE(NeuTraL(), method="blind", **setting),
    "LOE, soft labels": LOE(NeuTraL(), method="soft", **setting),
}
for name, detector in detectors.items():
    detector.fit(X_train)
    scores = detector.score_samples(X_test)
    f1, auc = f1_at_true_ratio(y_test, scores), roc_auc_score(y_test, -scores)
    print(f"{name}: F1 {f1:.2f}, ROC AUC {auc:.3f}")

# %%
# What each of them sees in the test rows
# ---------------------------------------
# The scores of both on one scale: in interquartile ranges of the normal rows above their median.

figure, panels = plt.subplots(
    1, 2, figsize=(9, 3.4), sharex=True, sharey=True, layout="constrained"
)
for axes, (name, detector) in zip(panels, detectors.items(), strict=True):
    score = -detector.score_samples(X_test)
    low, middle, high = np.percentile(score[y_test == 0], [25, 50, 75])
    score = (score - middle) / (high - low)
    bins = np.sinh(np.linspace(np.arcsinh(score.min()), np.arcsinh(score.max()), 40))
    for label, text, color in ((0, "normal", "#4c78a8"), (1, "anomaly", "#e45756")):
        part = score[y_test == label]
        share = np.full(len(part), 1 / len(part))
        axes.hist(part, bins, weights=share, alpha=0.65, color=color, label=text)
    axes.set_xscale("asinh")
    axes.set_xticks([0, 1, 10, 100, 1000], ["0", "1", "10", "100", "1000"])
    axes.minorticks_off()
    axes.set(title=name, xlabel="anomaly score", ylabel="share of the rows")
    axes.legend()
plt.show()

# %%
# How the labels settle
# ---------------------
# ``history_`` of a fitted backbone holds both losses and the inferred labels of every epoch. Of the
# rows marked in an epoch, more and more are true anomalies.

history = detectors["LOE, soft labels"].estimator_.history_
marked = history.labels[:, 0]
hits = (marked & (y_train == 1)).sum(axis=1) / np.maximum(marked.sum(axis=1), 1)

figure, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
axes.plot(np.arange(1, len(hits) + 1), hits)
axes.set(xlabel="epoch", ylabel="true anomalies among the marked", ylim=(0, 1))
plt.show()
