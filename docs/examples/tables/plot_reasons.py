"""
Explain rows: which columns make them anomalous
===============================================

You learn how to ask a detector for its reasons. ``explain`` says how much of a row's score is due
to each feature. Here the mistakes are planted, so that we can check the reasons.
"""

# %%
# Wine with three mistakes in it
# ------------------------------
# The table has chemical analyses of 178 wines. Three rows get a mistake that is common in tables: a
# comma in the wrong place, two values swapped, and a value in another unit.

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

detector = LOE(contamination=0.02, random_state=0).fit(X)
place = np.argsort(np.argsort(detector.score_samples(X))) + 1
for row in (10, 60, 140):
    print(f"row {row:3d} is at place {place[row]} of {len(X)}")

# %%
# The reasons as text
# -------------------

reasons = detector.explain(X.loc[[10, 60, 140]])
print(reasons)

# %%
# The reasons as a picture
# ------------------------
# Red bars make the row anomalous, and blue bars make it look more normal. Of the single features,
# the planted mistake has the longest bar each time.

figure, panels = plt.subplots(3, 1, figsize=(7, 7.5), layout="constrained")
mistakes = {10: "comma in the wrong place", 60: "two values swapped", 140: "another unit"}
for axes, (row, mistake) in zip(panels, mistakes.items(), strict=True):
    ReasonsDisplay.from_estimator(detector, X, row=row, k=5, name=mistake, ax=axes)
    axes.set_xlabel("")
panels[-1].set_xlabel("contribution to the anomaly score")
plt.show()

# %%
# Go on with :doc:`/how_to/reasons`, which also explains rows of a pipeline and of images.
