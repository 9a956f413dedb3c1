"""
Use LOE in a Pipeline, a grid search and cross-validation
=========================================================

You learn that :class:`~lofe_sklearn.LOE` is an estimator like any other. It goes into a
:class:`~sklearn.pipeline.Pipeline`, its parameters and those of its backbone go into a
:class:`~sklearn.model_selection.GridSearchCV`, and scikit-learn's metrics and displays take its
scores.
"""

# %%
# Steps before the detector
# -------------------------
# Thyroid measurements, two of them very skewed. Should these two be spread evenly, or scaled like
# the others? The pipeline has a step of its own for them, so that a search can decide.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import IsolationForest
from sklearn.metrics import PrecisionRecallDisplay
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import QuantileTransformer, StandardScaler

from lofe_sklearn import LOE, DeepSVDD
from lofe_sklearn.datasets import load_thyroid
from lofe_sklearn.metrics import average_precision_scorer
from lofe_sklearn.model_selection import OutlierStratifiedKFold

X, y = load_thyroid(return_X_y=True)
columns = ColumnTransformer(
    [
        ("skewed", StandardScaler(), [1, 5]),
        ("others", StandardScaler(), [0, 2, 3, 4]),
    ]
)
loe = LOE(DeepSVDD(max_epochs=10), contamination=0.025, random_state=0)
pipeline = Pipeline([("columns", columns), ("loe", loe)])
pipeline

# %%
# Choose parameters
# -----------------
# ``average_precision_scorer`` knows that 1 stands for anomalies in ``y``. The labels judge the
# candidates on rows that were left out. No fit uses them.

folds = OutlierStratifiedKFold(3, random_state=0)
grid = {
    "columns__skewed": [StandardScaler(), QuantileTransformer(output_distribution="normal")],
    "loe__method": ["soft", "hard"],
}
search = GridSearchCV(pipeline, grid, scoring=average_precision_scorer, cv=folds).fit(X, y)
print(search.best_params_)

# %%
# Score rows that were left out
# -----------------------------
# ``cross_val_predict`` scores each row by a model that has not seen it. From there on, each metric
# and each display of scikit-learn can be used. Their scores are high for the class 1, ours are high
# for normal rows, hence the minus.

models = {
    "isolation forest": (IsolationForest(random_state=0), ":"),
    "LOE in the pipeline": (search.best_estimator_, "-"),
}
splits = list(folds.split(X, y))
figure, axes = plt.subplots(figsize=(7, 4.2), layout="constrained")
for name, (model, line) in models.items():
    scores = cross_val_predict(model, X, cv=splits, method="decision_function")
    display = PrecisionRecallDisplay.from_predictions(y, -scores, name=name, ax=axes)
    display.line_.set(color="grey" if "forest" in name else "#54a24b", linestyle=line, linewidth=2)
axes.axhline(np.mean(y), color="grey", linewidth=0.8)
axes.set(
    xlabel="recall: share of the ill found", ylabel="precision: share of the found that are ill"
)
axes.set(aspect="auto", title="Precision and recall on rows left out")
axes.legend(loc="upper right", title="AP: average precision")
plt.show()

# %%
# Go on with :doc:`/how_to/many_models`. :doc:`/auto_examples/ensembles/plot_search` has a search
# that trains all candidates at once.
