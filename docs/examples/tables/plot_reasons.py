"""
Reasons: which columns make a row anomalous
===========================================

``explain`` compares a row with the typical one: how much of its score is due to each feature. Here
anomalies are planted in known features, so that the reasons can be checked.
"""

# %%
# Wine with three mistakes in it
# ------------------------------
# Chemical analyses of 178 wines. Three rows get a mistake of the kind that tables have: a comma in
# the wrong place, two values swapped, and a value in another unit.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_wine

from lofe_sklearn import LOE
from lofe_sklearn.plotting import ReasonsDisplay

wine = load_wine(as_frame=True)
X = wine.data.copy()
X.loc[10, "ash"] *= 10
X.loc[60, ["flavanoids", "proline"]] = [6.8, 1.9]
X.loc[140, "magnesium"] /= 24.3

detector = LOE(random_state=0).fit(X)
order = np.argsort(detector.score_samples(X))
print("the three most anomalous rows:", sorted(order[:3].tolist()))

# %%
# Their reasons
# -------------

reasons = detector.explain(X.loc[[10, 60, 140]])
print(reasons)

# %%
# As a picture
# ------------

figure, panels = plt.subplots(1, 3, figsize=(13, 4.2), layout="constrained")
for axes, row in zip(panels, (10, 60, 140), strict=True):
    ReasonsDisplay.from_estimator(detector, X, row=row, ax=axes)
plt.show()
