"""
Find the odd images in a folder
===============================

You learn how to find images that do not belong to the others, when no label says which. A frozen,
pretrained network turns each image into a row of features
(:class:`~lofe_sklearn.features.ImageFeatures`, extra ``images``), and LOE labels these rows while
it trains.
"""

# %%
# Images of one class, and one in ten of others
# ---------------------------------------------
# These are the handwritten digits that come with scikit-learn: threes, among which other digits are
# mixed.

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
# The most and the least anomalous images
# ---------------------------------------
# LOE labels the images with a red frame as anomalies. The number above each is the digit, which LOE
# does not know.

order = np.argsort(scores)
figure, panels = plt.subplots(4, 10, figsize=(9, 4.6), layout="constrained")
for axes, i in zip(panels.flat, [*order[:20], *order[-20:]], strict=True):
    axes.imshow(images[i], cmap="gray_r")
    color = "#e45756" if is_other[i] else "#4c78a8"
    axes.set_title(str(digits.target[rows[i]]), fontsize=9, color=color)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set(visible=True, color="#e45756" if labels[i] == -1 else "grey", linewidth=2.5)
panels[0, 0].set_ylabel("most\nanomalous", fontsize=9)
panels[2, 0].set_ylabel("least\nanomalous", fontsize=9)
figure.suptitle(f"{found} of the {is_other.sum()} images that are no three are labelled")
plt.show()

# %%
# Go on with :doc:`/how_to/images`, and with :doc:`/auto_examples/images/plot_patch_scores`, which
# shows where in an image the anomaly is.
