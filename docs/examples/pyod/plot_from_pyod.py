"""
Move from PyOD or an isolation forest to LOE
============================================

You learn what changes if you replace a detector of PyOD or scikit-learn by
:class:`~lofe_sklearn.LOE`: what has the same name, what has another sign, and how to use them
together.
"""

# %%
# Three detectors, two signs
# --------------------------
# PyOD's scores are high for anomalies. The scores of scikit-learn and of this library are low for
# anomalies. PyOD's ``predict`` says 1 for an anomaly, and the others say -1.

import matplotlib.pyplot as plt
import numpy as np
from pyod.models.hbos import HBOS
from pyod.models.knn import KNN
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score

from lofe_sklearn import LOE
from lofe_sklearn.adapters.pyod import PyODDetector
from lofe_sklearn.datasets import load_thyroid

X, y = load_thyroid(return_X_y=True)

forest = IsolationForest(contamination=0.025, random_state=0).fit(X)
neighbours = KNN(contamination=0.025, n_neighbors=20).fit(X)
loe = LOE(contamination=0.025, random_state=0).fit(X)
anomaly_scores = {
    "isolation forest": -forest.score_samples(X),
    "PyOD: 20th neighbour": neighbours.decision_scores_,
    "LOE": -loe.score_samples(X),
}
for name, scores in anomaly_scores.items():
    auc, precision = roc_auc_score(y, scores), average_precision_score(y, scores)
    print(f"{name:22s} ROC AUC {auc:.3f}   average precision {precision:.3f}")

# %%
# LOE with PyOD's interface
# -------------------------
# Code that expects a detector of PyOD takes :class:`~lofe_sklearn.adapters.pyod.PyODDetector`. It
# has PyOD's attributes and PyOD's sign.

detector = PyODDetector(loe, contamination=0.025).fit(X)
print(f"{detector.labels_.sum()} rows have the label 1")
same = np.allclose(detector.decision_scores_, -loe.score_samples(X))
print("the same scores with PyOD's sign:", same)

# %%
# PyOD's detectors inside LOE
# ---------------------------
# Any detector can give evidence: its scores are added to those of the networks. It can also give
# the first labels (``init``).

with_hbos = LOE(contamination=0.025, evidence=[HBOS(), "iforest", "knn"], random_state=0).fit(X)
anomaly_scores["LOE with PyOD's HBOS"] = -with_hbos.score_samples(X)

# %%
# All of them on the same rows
# ----------------------------
# Each line shows how many of the ill patients somebody finds who reads a ranked list from the top.

figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
colors, lines = ["grey", "grey", "#54a24b", "#54a24b"], ["--", ":", "-", "-."]
for (name, scores), color, line in zip(anomaly_scores.items(), colors, lines, strict=True):
    found = np.cumsum(y[np.argsort(-scores)]) / y.sum()
    precision = average_precision_score(y, scores)
    text = f"{name} (average precision {precision:.2f})"
    axes.plot(range(1, len(found) + 1), found, line, color=color, linewidth=2, label=text)
axes.set(xlim=(0, 300), ylim=(0, 1.02), xlabel="rows looked at", ylabel="share of the ill found")
axes.set_title("One table, four ranked lists")
axes.legend(loc="lower right", fontsize=9)
plt.show()

# %%
# Go on with :doc:`/how_to/from_pyod` and :doc:`/how_to/from_isolation_forest`.
