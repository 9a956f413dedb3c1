"""Images and video as rows of features that any detector takes."""

from lofe_sklearn.features._broken_images import find_broken_images
from lofe_sklearn.features._decode import BrokenImage
from lofe_sklearn.features._image_features import ImageFeatures
from lofe_sklearn.features._smooth_scores import smooth_scores
from lofe_sklearn.features._smoothing import TemporalSmoothing
from lofe_sklearn.features._videos import VideoFeatures
from lofe_sklearn.features._windows import VideoWindows, video_windows

__all__ = [
    "BrokenImage",
    "ImageFeatures",
    "TemporalSmoothing",
    "VideoFeatures",
    "VideoWindows",
    "find_broken_images",
    "smooth_scores",
    "video_windows",
]
