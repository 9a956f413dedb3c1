"""
Show where the defect is
========================

You learn how to find defective parts in pictures, and the place of the defect.
:class:`~lofe_sklearn.images.PatchDetector` learns what each place of a part looks like, from a
folder of pictures in which some parts may be defective.
"""

# %%
# Pictures of one part
# --------------------
# The part is a plate with four screws and a window. We draw it 46 times, each time with another
# light, a shift of up to two pixels, and a camera's noise. In six pictures one screw is missing,
# always the same one, and two have a scratch. Nobody has sorted the pictures.

import matplotlib.pyplot as plt
import numpy as np
from scipy import ndimage

from lofe_sklearn.images import PatchDetector, pixel_roc_auc

rng = np.random.default_rng(0)
SIDE = 224
ROWS, COLUMNS = np.mgrid[:SIDE, :SIDE]
BRUSHED = ndimage.gaussian_filter1d(rng.normal(size=(SIDE, SIDE)), 9, axis=1)


def draw_plate(missing=False, scratched=False):
    """Return a picture and the mask of its defects."""
    plate = 0.55 + 0.12 * BRUSHED
    plate[(abs(ROWS - 112) > 92) | (abs(COLUMNS - 112) > 92)] = 0.12
    plate[(abs(ROWS - 112) < 30) & (abs(COLUMNS - 112) < 44)] = 0.2
    mask = np.zeros((SIDE, SIDE), dtype=bool)
    for row, column in ((46, 46), (46, 178), (178, 46), (178, 178)):
        away = np.hypot(ROWS - row, COLUMNS - column)
        if missing and (row, column) == (46, 178):
            plate[away < 8] = 0.08  # the hole
            mask |= away < 15
            continue
        plate[away < 15], plate[away < 10] = 0.75, 0.45
        plate[(away < 9) & (abs(ROWS - row) < 2)] = 0.15
    if scratched:
        top, left = rng.uniform(120, 160), rng.uniform(70, 130)
        along, across = ROWS - top + COLUMNS - left, ROWS - top - COLUMNS + left
        scratch = (abs(across) < 2.5) & (abs(along) < 40)
        plate[scratch] += 0.25
        mask |= scratch
    plate = ndimage.shift(plate, rng.uniform(-2, 2, 2), order=1, mode="nearest")
    plate = plate * rng.normal(1, 0.03) + rng.normal(scale=0.015, size=plate.shape)
    return (255 * plate.clip(0, 1)).round().astype(np.uint8), mask


drawn = [draw_plate() for _ in range(38)]
drawn += [draw_plate(missing=True) for _ in range(6)]
drawn += [draw_plate(scratched=True) for _ in range(2)]
pictures = np.stack([picture for picture, _ in drawn])
masks = np.stack([mask for _, mask in drawn])

# %%
# Fit
# ---
# With files of your own this is ``PatchDetector().fit("parts/")``. The detector finds that the
# place of a patch explains most of what it looks like. So the pictures are aligned, and each place
# gets a model of its own. A screw that is missing in six pictures is rare at its place. LOE labels
# what looks unusual there as anomalous, and leaves it out of the model.

detector = PatchDetector(contamination=0.17, random_state=0).fit(pictures)
print(f"{detector.explained_by_position_:.2f} explained by position: {detector.position_}")
print("flagged:", np.flatnonzero(detector.labels_ == -1))

# %%
# Where the defects are
# ---------------------
# Heat maps have the size of the pictures. White lines are the true defects, which the detector has
# not seen.

heat = detector.heatmap(pictures)
print(f"pixel ROC AUC: {pixel_roc_auc(heat, masks):.3f}")

figure, panels = plt.subplots(2, 4, figsize=(9, 4.6), layout="constrained")
top = -2 * detector.offset_
names = {0: "as it should be", 38: "a screw is missing", 44: "scratched", 45: "scratched"}
for column, i in enumerate(names):
    above, below = panels[:, column]
    above.imshow(pictures[i], cmap="gray", vmin=0, vmax=255)
    above.set_title(names[i])
    shown = below.imshow(heat[i], cmap="magma", vmin=0, vmax=top)
    below.contour(masks[i], levels=[0.5], colors="white", linewidths=0.8)
    for axes in (above, below):
        axes.set(xticks=[], yticks=[])
figure.colorbar(shown, ax=panels[1], label="anomaly score")
plt.show()

# %%
# New pictures
# ------------
# Labels matter here. A model that takes the defective pictures for normal ones lets the next
# missing screw pass.

normal = np.stack([draw_plate()[0] for _ in range(4)])
missing = np.stack([draw_plate(missing=True)[0] for _ in range(4)])
blind = PatchDetector(detector.images_, method="blind", random_state=0).fit(pictures)
for name, fitted in (("LOE's labels", detector), ("blind", blind)):
    gap = fitted.score_samples(missing).mean() / fitted.score_samples(normal).mean()
    print(f"{name}: a missing screw is {gap:.1f} times as far off as a normal plate")

# %%
# Go on with :ref:`where-the-defect-is`.
