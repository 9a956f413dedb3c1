"""
How the labels move
===================

:class:`~lofe_sklearn.LOE` alternates between two steps. It labels the rows that look most anomalous
to the network as it is, and it takes a training step with these labels. Here both steps can be
watched on points in a plane.
"""

# %%
# Two groups of normal points, and a small dense one
# ---------------------------------------------------
# One point in eight is an anomaly. The anomalies lie close together, so a detector that is trained
# as if all points were normal learns to take them for normal too.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import roc_auc_score

from lofe_sklearn import LOE, DeepSVDD

rng = np.random.default_rng(0)
left, right = rng.normal([-1.5, 0], 0.4, (350, 2)), rng.normal([1.5, 0], 0.4, (350, 2))
X = np.vstack([left, right, rng.normal([0, 1.8], 0.2, (100, 2))])
y = np.repeat([0, 1], [700, 100])

# %%
# One network, two ways to train it
# ---------------------------------
# ``y`` is not used. Both fits start from the same network.

network = DeepSVDD(max_epochs=60)
setting = {"contamination": 0.125, "evidence": None, "random_state": 2}
detectors = {
    "trained blind": LOE(network, method="blind", **setting).fit(X),
    "LOE": LOE(network, method="soft", **setting).fit(X),
}

grid = np.linspace(-3.3, 3.3, 120)
plane = np.column_stack([axis.ravel() for axis in np.meshgrid(grid, grid)])
colors = np.where(y == 1, "#e45756", "#4c78a8")
figure, panels = plt.subplots(1, 2, figsize=(9, 4.3), sharey=True, layout="constrained")
for axes, (name, detector) in zip(panels, detectors.items(), strict=True):
    score = -detector.decision_function(plane).reshape(120, 120)
    axes.contourf(grid, grid, score, 20, cmap="Greys", alpha=0.8)
    axes.contour(grid, grid, score, levels=[0], colors="black", linewidths=1.2)
    axes.scatter(*X.T, s=7, c=colors)
    auc = roc_auc_score(y, -detector.score_samples(X))
    axes.set(title=f"{name}: ROC AUC {auc:.2f}", aspect="equal", xticks=[], yticks=[])
plt.show()

# %%
# The darker, the more anomalous; the line is the threshold.
#
# The labels, epoch by epoch
# --------------------------
# ``history_.labels`` says which rows were labelled as anomalies in each epoch. The first labels are
# those of an isolation forest.

labels = detectors["LOE"].estimator_.history_.labels[:, 0]
epochs = [0, 7, 14, 59]
figure, panels = plt.subplots(1, 4, figsize=(11, 3), sharey=True, layout="constrained")
for axes, epoch in zip(panels, epochs, strict=True):
    marked = labels[epoch].astype(bool)
    axes.scatter(*X[~marked].T, s=5, c="#c8ccd4")
    axes.scatter(*X[marked].T, s=9, c="#e45756")
    right = (marked & (y == 1)).sum() / marked.sum()
    axes.set(title=f"epoch {epoch + 1}: {right:.0%} right", aspect="equal", xticks=[], yticks=[])
plt.show()

# %%
# A third of the first labels are right, and the others lie on all sides. Only the small group has
# both labels, so that a step towards them separates it from the rest. The next labels are better.
#
# It can also go wrong: if no anomaly looks anomalous at the start, labels settle elsewhere. That is
# why :class:`~lofe_sklearn.LOE` trains an ensemble by default, and adds the evidence of other
# detectors, which this example left out.
