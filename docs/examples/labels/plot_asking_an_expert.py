"""
Asking an expert about twenty rows
==================================

A detector is trained on contaminated rows, an expert looks at twenty of them, and the detector is
trained again with the answers. Which twenty makes a difference
(:func:`~lofe_sklearn.active.query`).
"""

# %%
# Before
# ------
# Thyroid data, a tenth of the training rows anomalous. The ratio is not given.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from lofe_sklearn import LOE, DeepSVDD
from lofe_sklearn.active import query, refit
from lofe_sklearn.datasets import load_thyroid, loe_tabular_split
from lofe_sklearn.metrics import average_precision

X, y = load_thyroid(return_X_y=True)
X_train, X_test, y_train, y_test = loe_tabular_split(X, y, contamination=0.1, random_state=0)
detector = LOE(DeepSVDD(), n_estimators=8, random_state=0).fit(X_train)
before = average_precision(y_test, detector.score_samples(X_test))
print(f"without labels: average precision {before:.3f}")

# %%
# Asking, and training with the answers
# -------------------------------------
# ``y_train`` plays the expert, whose answers are masks of the rows known to be of either kind.

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
# In two principal components of the data. The most anomalous rows are nearly all anomalies, and
# lie together; diverse ones are spread over all that there is.

plane = PCA(2, random_state=0).fit_transform(StandardScaler().fit_transform(X_train))
fig, axes = plt.subplots(1, 3, figsize=(10, 3.6), sharex=True, sharey=True, layout="constrained")
for ax, strategy in zip(axes, strategies, strict=True):
    ax.scatter(*plane.T, s=4, color="0.8", linewidths=0)
    for label, colour, name in ((0, "tab:blue", "normal"), (1, "tab:red", "anomaly")):
        of_label = asked[strategy][y_train[asked[strategy]] == label]
        ax.scatter(*plane[of_label].T, s=36, color=colour, edgecolors="white", label=name)
    change = f"average precision {before:.2f} to {after[strategy]:.2f}"
    ax.set_title(f"{strategy.replace('_', ' ')}\n{change}", fontsize=10)
    ax.set_xticks([])
    ax.set_yticks([])
axes[0].legend(title="the answer", loc="upper right", fontsize=9)
plt.show()
