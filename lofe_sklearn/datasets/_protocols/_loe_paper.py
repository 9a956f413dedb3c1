"""The LOE paper's protocols: one for tables, one for images."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import column_or_1d

from lofe_sklearn._containers import check_plain_values, check_unmasked
from lofe_sklearn._tensors import tensor_as_array
from lofe_sklearn._types import Bools, Ints, RandomState, TrainTestSplit
from lofe_sklearn._validation import check_argument, check_seed
from lofe_sklearn.datasets._contaminate import SHARE, contaminate, n_outliers_for
from lofe_sklearn.datasets._protocols._labelled_rows import check_labelled


def loe_tabular_split(
    X: ArrayLike, y: ArrayLike, *, contamination: float = 0.1, random_state: RandomState = None
) -> TrainTestSplit:
    """Split a labelled set as the LOE paper does for tabular data.

    The normal rows are split in half at random. The first half, contaminated with noisy copies of
    anomalies, is for training; the second half together with all real anomalies is for testing.
    The paper reports the F1 score with as many test rows flagged as there are anomalies
    (`lofe_sklearn.metrics.f1_at_true_ratio`), as a mean over five seeds.
    The protocol is that of [1]_.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        All rows.
    y : array-like of shape (n_samples,)
        1 for anomalies, 0 for normal rows.
    contamination : float, default=0.1
        Share of anomalies in the training rows, in [0, 1).
    random_state : int, RandomState instance or None, default=None
        Seeds the split and the contamination.

    Returns
    -------
    X_train, X_test : ndarray of float64, shapes (n_train, n_features) and (n_test, n_features)
        The rows of both parts; the training rows are shuffled.
    y_train, y_test : ndarray of int, shapes (n_train,) and (n_test,)
        1 for anomalies, 0 for normal rows. `y_train` is for looking at only.

    Raises
    ------
    ValueError
        If y has other values than 0 and 1, no anomaly, or fewer than two normal rows.

    References
    ----------
    .. [1] C. Qiu, A. Li, M. Kloft, M. Rudolph, S. Mandt (2022). Latent Outlier Exposure for Anomaly
       Detection with Contaminated Data. ICML. arXiv:2202.08088, section 4.3.

    Examples
    --------
    >>> from lofe_sklearn.datasets import load_thyroid, loe_tabular_split
    >>> X, y = load_thyroid(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = loe_tabular_split(X, y, random_state=0)
    >>> X_train.shape, int(y_train.sum()), X_test.shape, int(y_test.sum())
    ((2043, 6), 204, (1933, 6), 93)
    """
    check_argument("loe_tabular_split", "contamination", contamination, SHARE)
    rows, labels = check_labelled(X, y, owner="loe_tabular_split", min_normal=2)
    anomalous = labels == 1
    rng = check_seed("loe_tabular_split", random_state)
    normal, anomalies = rng.permutation(rows[~anomalous]), rows[anomalous]
    half = len(normal) // 2
    X_train, y_train = contaminate(
        normal[:half], anomalies, contamination=contamination, random_state=rng
    )
    X_test = np.concatenate([normal[half:], anomalies])
    y_test = np.repeat([0, 1], [len(normal) - half, len(anomalies)])
    return X_train, X_test, y_train, y_test


def image_one_vs_rest(
    X: ArrayLike,
    classes: ArrayLike,
    X_test: ArrayLike,
    classes_test: ArrayLike,
    *,
    normal_class: int | np.integer[Any] | str,
    contamination: float = 0.1,
    random_state: RandomState = None,
) -> tuple[NDArray[Any], NDArray[Any], Ints, Ints]:
    """Split a set of images as the LOE paper does: one class is normal, all others are anomalies.

    The training images are all those of the normal class in the set's training part, and, so that
    they make up the share `contamination`, images drawn from its other classes. The test images
    are the set's own test part, in which every other class is anomalous. ROC AUC is reported, as a
    mean over all choices of the normal class. Features of images from a pretrained network are
    split in the same way. The protocol is that of [1]_.

    Parameters
    ----------
    X : array-like of shape (n_samples, ...)
        Images, or rows of features of them, of the set's training part; of any further dimensions
        and any type.
    classes : array-like of shape (n_samples,)
        The class of each, numbers or strings.
    X_test : array-like of shape (n_test, ...)
        Images of the set's test part.
    classes_test : array-like of shape (n_test,)
        The class of each.
    normal_class : int or str
        The class that counts as normal; all others are anomalous.
    contamination : float, default=0.1
        Share of anomalies in the training images, in [0, 1). As many are drawn as fit into it,
        ``floor(n_normal * contamination / (1 - contamination))``, without replacement and without
        noise.
    random_state : int, RandomState instance or None, default=None
        Seeds the draw and the shuffling.

    Returns
    -------
    X_train : ndarray of X's type, shape (n_train, ...)
        The training images, shuffled.
    X_test : ndarray, shape (n_test, ...)
        The test images as they were given, not a copy.
    y_train, y_test : ndarray of int, shapes (n_train,) and (n_test,)
        1 for anomalies, 0 for the normal class. `y_train` is for looking at only.

    Raises
    ------
    ValueError
        If `normal_class` is not among the classes, if the test images are all normal or all
        anomalous or of another shape, if there are fewer images of other classes than are to be
        drawn, or if `contamination` is out of range.

    See Also
    --------
    loe_tabular_split : The paper's protocol for tables.
    lofe_sklearn.MHRot : The paper's backbone for images.

    References
    ----------
    .. [1] C. Qiu, A. Li, M. Kloft, M. Rudolph, S. Mandt (2022). Latent Outlier Exposure for Anomaly
       Detection with Contaminated Data. ICML. arXiv:2202.08088, section 4.2.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import train_test_split
    >>> from lofe_sklearn.datasets import image_one_vs_rest
    >>> digits = load_digits()
    >>> images, images_test, classes, classes_test = train_test_split(
    ...     digits.images, digits.target, random_state=0
    ... )
    >>> X_train, X_test, y_train, y_test = image_one_vs_rest(
    ...     images, classes, images_test, classes_test, normal_class=3, random_state=0
    ... )
    >>> X_train.shape, int(y_train.sum()), X_test.shape, int((y_test == 0).sum())
    ((153, 8, 8), 15, (450, 8, 8), 45)
    """
    check_argument("image_one_vs_rest", "contamination", contamination, SHARE)
    images, anomalous = _one_class(X, classes, normal_class, "X", "classes")
    images_test, anomalous_test = _one_class(
        X_test, classes_test, normal_class, "X_test", "classes_test"
    )
    if images.shape[1:] != images_test.shape[1:]:
        raise ValueError(
            "image_one_vs_rest: X and X_test must hold images of one shape; got "
            f"{images.shape[1:]} and {images_test.shape[1:]}."
        )
    if not anomalous_test.any():
        raise ValueError(
            f"image_one_vs_rest: classes_test must hold other classes than {normal_class!r} too."
        )
    normal, others = np.flatnonzero(~anomalous), np.flatnonzero(anomalous)
    n_drawn = n_outliers_for(len(normal), contamination)
    if n_drawn > len(others):
        raise ValueError(
            f"image_one_vs_rest: contamination={contamination} beside {len(normal)} normal images "
            f"needs {n_drawn} of other classes; X has {len(others)}. Lower contamination."
        )
    rng = check_seed("image_one_vs_rest", random_state)
    drawn = rng.choice(others, size=n_drawn, replace=False)
    train = rng.permutation(np.concatenate([normal, drawn]))
    y_train, y_test = (labels.astype(np.int64) for labels in (anomalous[train], anomalous_test))
    return images[train], images_test, y_train, y_test


def _one_class(
    X: ArrayLike,
    classes: ArrayLike,
    normal_class: int | np.integer[Any] | str,
    name: str,
    classes_name: str,
) -> tuple[NDArray[Any], Bools]:
    """Return images as an array, and which of them are not of the normal class."""
    check_plain_values(X, name, "image_one_vs_rest")
    check_unmasked(classes, classes_name, "image_one_vs_rest")
    images, class_of = np.asarray(X), column_or_1d(tensor_as_array(classes))
    if images.ndim < 2 or len(images) != len(class_of):
        raise ValueError(
            f"image_one_vs_rest: {name} must be an array (n, ...) with one entry of {classes_name} "
            f"for each image; got the shape {images.shape} and {len(class_of)} classes."
        )
    normal = class_of == normal_class
    if not normal.any():
        raise ValueError(
            f"image_one_vs_rest: normal_class must be one of {classes_name}; got {normal_class!r}, "
            f"and {classes_name} holds {np.unique(class_of)[:10].tolist()}."
        )
    return images, ~normal
