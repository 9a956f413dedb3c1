"""The synthetic set of the isolation forest paper and the LOE paper."""

from __future__ import annotations

from numbers import Integral

import numpy as np
from scipy.stats import chi2

from lofe_sklearn._types import RandomState, RowsAndLabels
from lofe_sklearn._validation import MOST, Described, Number, check_argument, check_seed
from lofe_sklearn.datasets._contaminate import NOT_NEGATIVE, SHARE

COUNT = Described(Number(Integral, low=1, most=MOST), "an int >= 1")


def make_mulcross(
    n_samples: int = 262144,
    n_features: int = 4,
    *,
    contamination: float = 0.1,
    n_clusters: int = 2,
    distance: float = 2.0,
    cluster_std: float = 0.5,
    shuffle: bool = True,
    random_state: RandomState = None,
) -> RowsAndLabels:
    r"""Draw normal rows around the origin, and anomalies in dense clusters away from it.

    Normal rows are standard normal, :math:`N(0, I_d)`. The anomalies are shared evenly among
    `n_clusters` clusters :math:`N(\mu_j, s^2 I_d)`, with :math:`s` the `cluster_std` and

    .. math:: \mu_j = c \sqrt{\chi^2_{d;\,0.99}}\; u_j

    where :math:`c` is the `distance`, the square root the radius that 99 % of the normal rows are
    within, and the unit vectors :math:`\pm u_j` a random orthonormal basis, so that no two clusters
    overlap.

    The defaults are the settings that the literature cites for the Mulcross data, in the manner of
    Rocke and Woodruff [1]_: 262,144 rows of 4 features, 10 % anomalies in 2 clusters, distance
    factor 2 [2]_. The original generator is not available, so this is not the file published under
    that name, and figures on it are only roughly comparable.

    Parameters
    ----------
    n_samples : int, default=262144
        Number of rows, normal and anomalous together.
    n_features : int, default=4
        Number of features.
    contamination : float, default=0.1
        Share of anomalies, in [0, 1); their number is rounded.
    n_clusters : int, default=2
        Number of clusters of anomalies, at most ``2 * n_features``.
    distance : float, default=2.0
        Distance of the clusters from the origin, in radii of the normal rows.
    cluster_std : float, default=0.5
        Standard deviation of the clusters; that of the normal rows is 1.
    shuffle : bool, default=True
        Shuffle the rows; otherwise the anomalies come last, cluster after cluster.
    random_state : int, RandomState instance or None, default=None
        Seeds the directions, the rows and the shuffling.

    Returns
    -------
    X : ndarray of float64, shape (n_samples, n_features)
        The rows.
    y : ndarray of int64, shape (n_samples,)
        1 for anomalies, 0 for normal rows.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    References
    ----------
    .. [1] D. M. Rocke, D. L. Woodruff (1996). Identification of outliers in multivariate data.
       Journal of the American Statistical Association 91, 1047-1061.
    .. [2] F. T. Liu, K. M. Ting, Z.-H. Zhou (2008). Isolation Forest. ICDM, 413-422.

    Examples
    --------
    >>> from lofe_sklearn.datasets import make_mulcross
    >>> X, y = make_mulcross(1000, random_state=0)
    >>> X.shape, int(y.sum())
    ((1000, 4), 100)
    """
    owner = "make_mulcross"
    check_argument(owner, "n_samples", n_samples, COUNT)
    check_argument(owner, "n_features", n_features, COUNT)
    check_argument(owner, "n_clusters", n_clusters, COUNT)
    check_argument(owner, "contamination", contamination, SHARE)
    check_argument(owner, "distance", distance, NOT_NEGATIVE)
    check_argument(owner, "cluster_std", cluster_std, NOT_NEGATIVE)
    if n_clusters > 2 * n_features:
        raise ValueError(
            f"make_mulcross: n_clusters must be at most 2 * n_features = {2 * n_features}; got "
            f"{n_clusters}."
        )

    rng = check_seed(owner, random_state)
    n_anomalies = round(n_samples * contamination)
    basis, _ = np.linalg.qr(rng.standard_normal((n_features, n_features)))
    centres = np.concatenate([basis, -basis])[:n_clusters]
    centres *= distance * np.sqrt(chi2.ppf(0.99, n_features))

    X = rng.standard_normal((n_samples, n_features))
    n_normal = n_samples - n_anomalies
    cluster = np.arange(n_anomalies) * n_clusters // max(n_anomalies, 1)
    X[n_normal:] = centres[cluster] + cluster_std * X[n_normal:]
    y = np.repeat(np.array([0, 1], dtype=np.int64), [n_normal, n_anomalies])
    if shuffle:
        order = rng.permutation(n_samples)
        X, y = X[order], y[order]
    return X, y
