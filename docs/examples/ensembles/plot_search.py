"""
Choose the ratio and the method by cross-validation
===================================================

You learn how to choose parameters when some rows are labelled.
:class:`~lofe_sklearn.LOESearchCV` takes the grid of a
:class:`~sklearn.model_selection.GridSearchCV`, gives the same results, and trains all candidates on
all folds side by side.
"""

# %%
# A grid of ratios and methods
# ----------------------------
# Thyroid measurements with labels. No fit sees the labels: they only judge the candidates on the
# rows that were left out.

import time

import matplotlib.pyplot as plt
from sklearn.model_selection import GridSearchCV

from lofe_sklearn import LOE, DeepSVDD, LOESearchCV
from lofe_sklearn.datasets import load_thyroid
from lofe_sklearn.metrics import roc_auc_scorer
from lofe_sklearn.model_selection import OutlierStratifiedKFold
from lofe_sklearn.plotting import SearchDisplay

X, y = load_thyroid(return_X_y=True)
detector = LOE(DeepSVDD(max_epochs=10), evidence=None, random_state=0)
grid = {"contamination": [0.005, 0.01, 0.025, 0.05, 0.1, 0.2], "method": ["hard", "soft"]}
folds = OutlierStratifiedKFold(3, random_state=0)

start = time.perf_counter()
search = LOESearchCV(detector, grid, cv=folds).fit(X, y)
together = time.perf_counter() - start
print(f"best of {len(search.cv_results_['params'])}: {search.best_params_}")

# %%
# How sure is the best candidate?
# -------------------------------
# Each line is a method. Each bar is the spread over the folds. Where bars overlap, the difference
# may be chance.

figure, axes = plt.subplots(figsize=(7.5, 4.2), layout="constrained")
SearchDisplay.from_estimator(search, name="Which ratio, and which labels?", ax=axes)
axes.set(xlabel="contamination that the fit assumes", ylabel="ROC AUC on rows left out")
plt.show()

# %%
# The same search, one fit at a time
# ----------------------------------
# ``roc_auc_scorer`` knows that 1 stands for anomalies in ``y``. With the string ``"roc_auc"``
# scikit-learn's search would rank the candidates from worst to best.

start = time.perf_counter()
classic = GridSearchCV(detector, grid, scoring=roc_auc_scorer, cv=folds).fit(X, y)
one_by_one = time.perf_counter() - start
print("the same best candidate:", classic.best_params_ == search.best_params_)
print(f"LOESearchCV took {together / one_by_one:.0%} of GridSearchCV's time")

# %%
# Go on with :ref:`choosing-the-ratio` and :doc:`/how_to/many_models`.
