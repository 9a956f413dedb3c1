"""
Find events in a video
======================

You learn how to find the time at which something unusual happens in a video. The frames become rows
of features of what is seen and how it moves (:class:`~lofe_sklearn.features.VideoFeatures`), and a
detector's scores are smoothed within each clip.
"""

# %%
# Clips
# -----
# A camera pans over a temple six times, and in two of the clips a piece of a flower flies by. The
# clips are made from two photos that come with scikit-learn, so that this page needs no download.
# With files of your own this is ``video_windows(["monday.mp4", "tuesday.mp4"])``.

import tempfile

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_sample_images
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline

from lofe_sklearn import LOE
from lofe_sklearn.features import ImageFeatures, TemporalSmoothing, VideoFeatures, video_windows
from lofe_sklearn.metrics import roc_auc

temple, flower = load_sample_images().images
piece = flower[150:190, 250:290]
rng = np.random.default_rng(0)
LENGTH, SIDE = 48, 160


def pan(event):
    top, left, speed = rng.integers(200), rng.integers(150), rng.uniform(1.0, 3.0)
    frames = []
    for t in range(LENGTH):
        x = int(left + speed * t)
        frame = temple[top : top + SIDE, x : x + SIDE].copy()
        if t in event:
            across = 6 * (t - event.start)
            frame[60:100, across : across + 40] = piece[:, : SIDE - across]
        frames.append(frame)
    return np.stack(frames)


events = [range(0), range(0), range(14, 32), range(0), range(26, 40), range(0)]
clips = [pan(event) for event in events]
windows = video_windows(clips, length=2)
is_event = np.array(
    [frame in events[clip] for clip, frame in zip(windows.groups, windows.frames, strict=True)]
)
print(f"{len(windows)} windows, {is_event.mean():.0%} of them with the event")

# %%
# The model
# ---------
# ``is_event`` is not used. With ``memory`` the features of the frames are computed once and kept in
# a folder, so that only the first call takes long.

images = ImageFeatures(image_size=96, memory=tempfile.mkdtemp())
model = make_pipeline(
    VideoFeatures(images),
    PCA(32, random_state=0),
    LOE(contamination=0.1, random_state=0),
)
smoothed = TemporalSmoothing(model, sigma=2.0).fit(windows)
scores = smoothed.score_samples(windows)
plain = smoothed.estimator_.score_samples(windows)
print(f"ROC AUC {roc_auc(is_event, plain):.3f}, smoothed {roc_auc(is_event, scores):.3f}")

# %%
# The timeline
# ------------
# The line is the score of the frames, one clip after another. Red areas are the true events, which
# the detector has not seen.

figure, panels = plt.subplots(
    3, 1, figsize=(9, 5.4), height_ratios=(1.8, 1, 1), layout="constrained"
)
position = np.arange(len(windows))
axes = panels[0]
axes.plot(position, -plain, color="grey", alpha=0.6, linewidth=1, label="score of each frame")
axes.plot(position, -scores, color="#4c78a8", linewidth=2, label="smoothed")
axes.axhline(-smoothed.offset_, color="grey", linestyle="--", label="threshold")
whole = axes.get_xaxis_transform()
axes.fill_between(
    position, 0, 1, is_event, transform=whole, color="#e45756", alpha=0.25, lw=0, label="event"
)
for start in np.flatnonzero(np.diff(windows.groups)) + 1:
    axes.axvline(start, color="grey", alpha=0.3, linewidth=1)
axes.set(xlabel="frame, one clip after another", ylabel="anomaly score", xlim=(0, len(position)))
axes.set_title("The score is high while the flower flies by", pad=26)
axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=4, fontsize=9)

order = np.argsort(scores)
for axes, text, chosen in (
    (panels[1], "most\nanomalous", order[:24:4]),
    (panels[2], "least\nanomalous", order[::-1][:24:4]),
):
    frames = [clips[windows.groups[i]][windows.frames[i]] for i in chosen]
    axes.imshow(np.concatenate(frames, axis=1))
    axes.set(xticks=[], yticks=[])
    axes.set_ylabel(text, fontsize=9)
plt.show()

# %%
# Go on with :doc:`/how_to/video`.
