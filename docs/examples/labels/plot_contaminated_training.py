"""
Train on contaminated data: blind training against LOE
======================================================

You see how much a deep detector gains if it knows that its training rows hold anomalies. It is
trained twice on rows of which one in ten is an anomaly: once as if all of them were normal, and
once with :class:`~lofe_sklearn.LOE`, which infers each row's label while it learns.
"""

# %%
# The data
# --------
# Six measurements of thyroid patients. The protocol of the LOE paper takes half of the normal rows
# for training, adds noisy anomalies until they are a tenth of all, and tests on the rest.

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
    "Trained blind": LOE(NeuTraL(max_epochs=100), method="blind", **setting),
    "LOE, soft labels": LOE(NeuTraL(max_epochs=100), method="soft", **setting),
}
for name, detector in detectors.items():
    detector.fit(X_train)
    f1 = f1_at_true_ratio(y_test, detector.score_samples(X_test))
    print(f"{name}: F1 {f1:.2f}")

# %%
# New rows, as both detectors see them
# ------------------------------------
# The scores of both are drawn on one scale: in interquartile ranges of the normal rows above their
# median. LOE moves the anomalies far away from the normal rows.

figure, panels = plt.subplots(
    1, 2, figsize=(9, 3.6), sharex=True, sharey=True, layout="constrained"
)
for axes, (name, detector) in zip(panels, detectors.items(), strict=True):
    score = -detector.score_samples(X_test)
    auc = roc_auc_score(y_test, score)
    low, middle, high = np.percentile(score[y_test == 0], [25, 50, 75])
    score = (score - middle) / (high - low)
    bins = np.sinh(np.linspace(np.arcsinh(score.min()), np.arcsinh(score.max()), 40))
    for label, text, color in ((0, "normal", "#4c78a8"), (1, "anomalies", "#e45756")):
        part = score[y_test == label]
        share = np.full(len(part), 1 / len(part))
        axes.hist(part, bins, weights=share, alpha=0.7, color=color, label=text)
    axes.set_xscale("asinh")
    axes.set_xticks([0, 1, 10, 100, 1000], ["0", "1", "10", "100", "1000"])
    axes.minorticks_off()
    axes.set(title=f"{name}: ROC AUC {auc:.2f}", xlabel="anomaly score of new rows")
panels[0].set_ylabel("share of the rows")
panels[0].yaxis.set_major_formatter("{x:.0%}")
panels[0].legend(loc="upper right")
plt.show()

# %%
# How the labels settle
# ---------------------
# ``history_`` of a fitted backbone holds both losses and the inferred labels of every epoch. More
# and more of the rows that are labelled as anomalies are true anomalies.

history = detectors["LOE, soft labels"].estimator_.history_
marked = history.labels[:, 0]
hits = (marked & (y_train == 1)).sum(axis=1) / np.maximum(marked.sum(axis=1), 1)
has_labels = marked.any(axis=1)

figure, axes = plt.subplots(figsize=(6.5, 3.2), layout="constrained")
epoch = np.arange(1, len(hits) + 1)
axes.plot(epoch[has_labels], hits[has_labels], color="#e45756")
axes.axhline(0.1, color="grey", linestyle="--", label="labels drawn at random")
axes.set(xlabel="epoch", ylabel="true anomalies among the labelled", ylim=(0, 1))
axes.yaxis.set_major_formatter("{x:.0%}")
axes.set_title(f"In the end {hits[-1]:.0%} of the labels are right")
axes.legend(loc="center right")
plt.show()

# %%
# Go on with :doc:`/explanations/how_loe_works` and :doc:`/benchmarks/index`.
