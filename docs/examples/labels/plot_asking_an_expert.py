"""
Ask an expert about twenty rows
===============================

You learn how to spend the time of somebody who can tell normal rows from anomalies. A detector is
trained on contaminated rows, the expert looks at twenty of them, and the detector is trained again
with the answers. :func:`~lofe_sklearn.active.query` chooses the twenty.
"""

# %%
# Before
# ------
# Thyroid data, a tenth of the training rows anomalous. The detector is not told the ratio.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from lofe_sklearn import LOE, DeepSVDD, NoSeparateGroupWarning
from lofe_sklearn.active import query, refit
from lofe_sklearn.datasets import load_thyroid, loe_tabular_split
from lofe_sklearn.metrics import average_precision

warnings.simplefilter("ignore", NoSeparateGroupWarning)
X, y = load_thyroid(return_X_y=True)
X_train, X_test, y_train, y_test = loe_tabular_split(X, y, contamination=0.1, random_state=0)
detector = LOE(DeepSVDD(), n_estimators=8, random_state=0).fit(X_train)
before = average_precision(y_test, detector.score_samples(X_test))
print(f"without labels: average precision {before:.3f}")

# %%
# Ask, and train with the answers
# -------------------------------
# ``y_train`` plays the expert. The answers are two masks: rows known to be anomalies, and rows
# known to be normal.

strategies = ["diverse", "most_anomalous", "random"]
asked, after = {}, {}
for strategy in strategies:
    rows = query(detector, X_train, 20, strategy=strategy, random_state=0)
    shown = np.isin(np.arange(len(X_train)), rows)
    anomalies, normal = shown & (y_train == 1), shown & (y_train == 0)
    refitted = refit(detector, X_train, known_anomalies=anomalies, known_normal=normal)
    asked[strategy] = rows
    after[strategy] = average_precision(y_test, refitted.score_samples(X_test))
    print(
        f"{strategy:>14}: {anomalies.sum():2d} of 20 are anomalies, ratio "
        f"{refitted.contamination_:.2f}, average precision {after[strategy]:.3f}"
    )

# %%
# Which rows these were
# ---------------------
# The picture has two principal components of the data. Diverse rows are spread over all that there
# is. The most anomalous rows are nearly all anomalies. Random rows are mostly normal.

plane = PCA(2, random_state=0).fit_transform(StandardScaler().fit_transform(X_train))
figure, panels = plt.subplots(1, 3, figsize=(10, 4), sharex=True, sharey=True, layout="constrained")
for axes, strategy in zip(panels, strategies, strict=True):
    axes.scatter(*plane.T, s=4, color="grey", alpha=0.35, linewidths=0, label="not asked about")
    answers = ((0, "o", "#4c78a8", "answer: normal"), (1, "^", "#e45756", "answer: anomaly"))
    for label, shape, color, text in answers:
        rows = asked[strategy][y_train[asked[strategy]] == label]
        axes.scatter(*plane[rows].T, s=45, marker=shape, color=color, label=text)
    title = f"{strategy.replace('_', ' ')}\naverage precision {before:.2f} → {after[strategy]:.2f}"
    axes.set(title=title, xticks=[], yticks=[])
    axes.spines[:].set_visible(True)
handles, texts = panels[0].get_legend_handles_labels()
legend = figure.legend(handles, texts, loc="outside lower center", ncols=3)
legend.legend_handles[0].set_sizes([25])
plt.show()

# %%
# Go on with :doc:`/how_to/ask_an_expert` and :doc:`/how_to/known_labels`.
