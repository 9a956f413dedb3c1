"""
Watch the labels move
=====================

You see how :class:`~lofe_sklearn.LOE` finds the anomalies among its training rows, on points in a
plane. It alternates between two steps. It labels the rows that look most anomalous to the network,
and it takes a training step with these labels.
"""

# %%
# Two groups of normal points, and a small dense one
# ---------------------------------------------------
# One point in eight is an anomaly. The anomalies lie close together. A detector that is trained as
# if all points were normal learns to take them for normal too.

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from sklearn.metrics import roc_auc_score

from lofe_sklearn import LOE, DeepSVDD

rng = np.random.default_rng(0)
left, right = rng.normal([-1.5, 0], 0.4, (350, 2)), rng.normal([1.5, 0], 0.4, (350, 2))
X = np.vstack([left, right, rng.normal([0, 1.8], 0.2, (100, 2))])
y = np.repeat([0, 1], [700, 100])

# %%
# One network, trained in two ways
# --------------------------------
# No fit sees ``y``. Both fits start from the same network. The darker the ground, the more
# anomalous; the line is the threshold.

network = DeepSVDD(max_epochs=60)
setting = {"contamination": 0.125, "evidence": None, "init": "iforest", "random_state": 2}
detectors = {
    "Trained blind": LOE(network, method="blind", **setting).fit(X),
    "LOE": LOE(network, method="soft", **setting).fit(X),
}

grid = np.linspace(-3.3, 3.3, 120)
plane = np.column_stack([axis.ravel() for axis in np.meshgrid(grid, grid)])
shade = LinearSegmentedColormap.from_list("shade", [(0.5, 0.5, 0.5, 0), (0.5, 0.5, 0.5, 0.8)])
figure, panels = plt.subplots(1, 2, figsize=(9, 4.9), sharey=True, layout="constrained")
for axes, (name, detector) in zip(panels, detectors.items(), strict=True):
    score = -detector.decision_function(plane).reshape(120, 120)
    axes.contourf(grid, grid, score, 20, cmap=shade)
    axes.contour(grid, grid, score, levels=[0], colors="grey", linewidths=2)
    axes.scatter(*X[y == 0].T, s=7, color="#4c78a8", label="normal")
    axes.scatter(*X[y == 1].T, s=7, color="#e45756", label="anomalies")
    auc = roc_auc_score(y, -detector.score_samples(X))
    axes.set(title=f"{name}: ROC AUC {auc:.2f}", aspect="equal", xticks=[], yticks=[])
    axes.spines[:].set_visible(True)
handles, texts = panels[0].get_legend_handles_labels()
figure.legend(handles, texts, loc="outside lower center", ncols=2, markerscale=2)
plt.show()

# %%
# The labels, epoch by epoch
# --------------------------
# ``history_.labels`` says which rows were labelled as anomalies in each epoch. In the first fifteen
# epochs the labels come from an isolation forest, later from the network itself.

labels = detectors["LOE"].estimator_.history_.labels[:, 0].astype(bool)
figure, panels = plt.subplots(1, 4, figsize=(11, 2.7), sharey=True, layout="constrained")
for axes, epoch in zip(panels, (1, 16, 21, 60), strict=True):
    marked = labels[epoch - 1]
    axes.scatter(*X[~marked].T, s=5, color="#4c78a8", alpha=0.5, label="labelled normal")
    axes.scatter(*X[marked].T, s=9, color="#e45756", label="labelled as anomalies")
    hits = (marked & (y == 1)).sum() / marked.sum()
    axes.set(title=f"Epoch {epoch}: {hits:.0%} right", aspect="equal", xticks=[], yticks=[])
    axes.spines[:].set_visible(True)
handles, texts = panels[0].get_legend_handles_labels()
figure.legend(handles, texts, loc="outside lower center", ncols=2, markerscale=2)
plt.show()

# %%
# A third of the first labels are right. The wrong ones lie on all sides, so they push the network
# in no common direction. The right ones lie together, so they push the whole small group away
# from the rest. So the next labels are better.
#
# It can also go wrong. If no anomaly looks anomalous at the start, labels settle elsewhere. That is
# why :class:`~lofe_sklearn.LOE` trains an ensemble by default, and adds the evidence of other
# detectors. This example left both out.
#
# Go on with :doc:`/explanations/how_loe_works` and :doc:`/how_to/method`.
