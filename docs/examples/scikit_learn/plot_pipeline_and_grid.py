"""
In a Pipeline and a grid search
===============================

:class:`~lofe_sklearn.LOE` is an estimator like any other: it goes into a
:class:`~sklearn.pipeline.Pipeline`, and its parameters, those of the backbone included, go into a
:class:`~sklearn.model_selection.GridSearchCV`. :class:`~lofe_sklearn.LOESearchCV` takes the same
grid and trains all candidates on all folds together.
"""

# %%
# Steps before the detector
# -------------------------
# Thyroid measurements, two of them very skewed. Labels are used to choose among the candidates; no
# fit sees them.

import time

import matplotlib.pyplot as plt
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import QuantileTransformer, StandardScaler

from lofe_sklearn import LOE, DeepSVDD, LOESearchCV
from lofe_sklearn.datasets import load_thyroid
from lofe_sklearn.metrics import roc_auc_scorer
from lofe_sklearn.model_selection import OutlierStratifiedKFold
from lofe_sklearn.plotting import SearchDisplay

X, y = load_thyroid(return_X_y=True)
columns = ColumnTransformer(
    [
        ("skewed", QuantileTransformer(output_distribution="normal"), [1, 5]),
        ("others", StandardScaler(), [0, 2, 3, 4]),
    ]
)
network = DeepSVDD(max_epochs=10)
pipeline = Pipeline([("columns", columns), ("loe", LOE(network, random_state=0))])
pipeline

# %%
# One grid, two searches
# ----------------------
# ``roc_auc_scorer`` knows that 1 stands for anomalies in ``y``. With the string ``"roc_auc"``
# scikit-learn would rank the candidates from worst to best.

grid = {
    "loe__contamination": [0.01, 0.025, 0.05, 0.1],
    "loe__method": ["soft", "hard"],
}
folds = OutlierStratifiedKFold(3, random_state=0)
start = time.perf_counter()
search = LOESearchCV(pipeline, grid, cv=folds, refit=False).fit(X, y)
together = time.perf_counter() - start

start = time.perf_counter()
classic = GridSearchCV(pipeline, grid, scoring=roc_auc_scorer, cv=folds, refit=False).fit(X, y)
one_by_one = time.perf_counter() - start

print(f"best: {search.best_params_}, ROC AUC {search.best_score_:.3f}")
print(
    f"GridSearchCV finds {classic.best_score_:.3f} with the same parameters:",
    classic.best_params_ == search.best_params_,
)
print(f"LOESearchCV took {together / one_by_one:.0%} of GridSearchCV's time")

# %%
# How sure is the best ratio?
# ---------------------------
# Each line is a method, and each bar the spread over the folds. Where bars overlap, the difference
# may be chance.

SearchDisplay.from_estimator(search)
plt.show()
