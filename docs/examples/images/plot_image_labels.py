"""
Which training images LOE takes for anomalies
=============================================

A folder of images of one kind, in which some are of another: no label says which. LOE labels them
while it trains. The images become rows of features of a frozen, pretrained network first
(:class:`~lofe_sklearn.features.ImageFeatures`, extra ``images``).
"""

# %%
# Images of one class, and one in ten of others
# ---------------------------------------------
# The digits that come with scikit-learn: threes, among which other digits are mixed.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline

from lofe_sklearn import LOE
from lofe_sklearn.features import ImageFeatures
from lofe_sklearn.metrics import roc_auc

digits = load_digits()
threes = np.flatnonzero(digits.target == 3)
others = np.random.default_rng(0).permutation(np.flatnonzero(digits.target != 3))[:20]
rows = np.concatenate([threes, others])
images, is_other = digits.images[rows] / 16, digits.target[rows] != 3
print(f"{len(images)} images, {is_other.sum()} of them no threes")

# %%
# Features, and LOE
# -----------------
# ``is_other`` is not used for training.

model = make_pipeline(
    ImageFeatures(image_size=96),
    PCA(32, random_state=0),
    LOE(contamination=0.1, random_state=0),
)
model.fit(images)
scores, labels = model.score_samples(images), model[-1].labels_
found = ((labels == -1) & is_other).sum()
print(f"{(labels == -1).sum()} labelled anomalous, {found} of them no threes")
print(f"ROC AUC {roc_auc(is_other, scores):.3f}")

# %%
# The most and the least anomalous
# --------------------------------
# Framed in red: what LOE labels as anomalous. The title is the digit, which LOE does not know.

order = np.argsort(scores)
figure, panels = plt.subplots(4, 10, figsize=(9, 4.2), layout="constrained")
for axes, i in zip(panels.flat, [*order[:20], *order[-20:]], strict=True):
    axes.imshow(images[i], cmap="gray_r")
    axes.set_title(str(digits.target[rows[i]]), fontsize=9)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set(color="#e45756" if labels[i] == -1 else "#bbbbbb", linewidth=2)
panels[0, 0].set_ylabel("most", fontsize=10)
panels[2, 0].set_ylabel("least", fontsize=10)
plt.show()
