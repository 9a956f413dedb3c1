"""
Where in the image the anomaly is
=================================

Features can be pooled over the patches of a grid instead of over the whole image. A detector that
takes patches for rows says of each how anomalous it is.
"""

# %%
# A photo with something in it that does not belong there
# --------------------------------------------------------
# The training images are cut from a photo of a temple that comes with scikit-learn. In one of ten,
# a piece of another photo, of a flower, was pasted in.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_sample_images
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline

from lofe_sklearn import LOE, DeepSVDD
from lofe_sklearn.features import ImageFeatures

temple, flower = load_sample_images().images
rng = np.random.default_rng(0)
SIDE, PIECE = 224, 56


def cut(photo, side):
    top, left = (rng.integers(size - side) for size in photo.shape[:2])
    return photo[top : top + side, left : left + side]


images = np.stack([cut(temple, SIDE) for _ in range(40)])
pasted = np.zeros(images.shape[:3], dtype=bool)
for i in range(4):
    top, left = rng.integers(SIDE - PIECE, size=2)
    place = np.s_[i, top : top + PIECE, left : left + PIECE]
    images[place] = flower[150 : 150 + PIECE, 250 : 250 + PIECE]
    pasted[place] = True
print(f"{len(images)} images, {pasted.any(axis=(1, 2)).sum()} of them altered")

# %%
# Patches as rows
# ---------------
# Layers in the middle of the network see finer detail than the last one. ``patches`` takes the
# rows apart: (images, rows of the grid, columns of the grid, features).

GRID = 14
extractor = ImageFeatures(layers=["_blocks.4", "_blocks.10"], pooling="grid", grid_size=GRID)
patches = extractor.patches(extractor.fit_transform(images))
print(patches.shape)
rows = patches.reshape(-1, patches.shape[-1])

detector = make_pipeline(
    PCA(32, random_state=0), LOE(DeepSVDD(), contamination=0.01, random_state=0)
).fit(rows)
scores = -detector.score_samples(rows).reshape(patches.shape[:3])

# %%
# The score of each patch over the image
# --------------------------------------
# No image was ever said to be altered, nor where.

low, high = np.percentile(scores, [50, 99.9])
figure, panels = plt.subplots(2, 4, figsize=(9, 4.6), layout="constrained")
for column, i in enumerate([0, 1, 2, 20]):
    above, below = panels[:, column]
    above.imshow(images[i])
    above.set_title("altered" if pasted[i].any() else "as it was", fontsize=10)
    below.imshow(images[i])
    heat = below.imshow(
        scores[i], extent=(0, SIDE, SIDE, 0), cmap="magma", alpha=0.65, vmin=low, vmax=high
    )
    for axes in (above, below):
        axes.set(xticks=[], yticks=[])
figure.colorbar(heat, ax=panels[1], label="anomaly score")
plt.show()
