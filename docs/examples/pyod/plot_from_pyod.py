"""
From an isolation forest or PyOD
================================

The same rows with scikit-learn's isolation forest, with a detector of PyOD's, and with
:class:`~lofe_sklearn.LOE`: what is called the same, and what has another sign.
"""

# %%
# Three detectors
# ---------------
# PyOD's scores are high for anomalies, scikit-learn's and ours are low. PyOD's ``predict`` says 1
# for an anomaly, scikit-learn's and ours -1.

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

forest = IsolationForest(random_state=0).fit(X)
neighbours = KNN(n_neighbors=20).fit(X)
loe = LOE(random_state=0).fit(X)
anomaly_scores = {
    "isolation forest": -forest.score_samples(X),
    "PyOD's 20th neighbour": neighbours.decision_scores_,
    "LOE": -loe.score_samples(X),
}
for name, scores in anomaly_scores.items():
    auc, precision = roc_auc_score(y, scores), average_precision_score(y, scores)
    print(f"{name:22s} ROC AUC {auc:.3f}   average precision {precision:.3f}")

# %%
# LOE with PyOD's interface
# -------------------------
# Code that expects a detector of PyOD's takes :class:`~lofe_sklearn.adapters.pyod.PyODDetector`.

detector = PyODDetector(LOE(random_state=0), contamination=0.025).fit(X)
print(f"{detector.labels_.sum()} rows have the label 1")
print(
    "the same scores with PyOD's sign:",
    np.allclose(detector.decision_scores_, -loe.score_samples(X)),
)

# %%
# PyOD's detectors inside LOE
# ---------------------------
# Any detector gives first labels (``init``) or evidence: its scores are added to those of the
# networks.

with_hbos = LOE(evidence=[HBOS(), "iforest", "knn"], random_state=0).fit(X)
anomaly_scores["LOE with HBOS"] = -with_hbos.score_samples(X)

figure, axes = plt.subplots(figsize=(6.5, 3), layout="constrained")
precisions = {n: average_precision_score(y, scores) for n, scores in anomaly_scores.items()}
colors = ["#9aa0a6", "#9aa0a6", "#e45756", "#e45756"]
bars = axes.barh(list(precisions), list(precisions.values()), color=colors)
axes.bar_label(bars, fmt="%.2f", padding=3)
axes.invert_yaxis()
axes.set(xlabel="average precision", xlim=(0, 1))
plt.show()
