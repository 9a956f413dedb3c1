"""Features of patches, brought to one scale and projected to fewer numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# A feature that varies less than this, relative to the one that varies most, is constant.
_CONSTANT = 1e-6


@dataclass(frozen=True, eq=False)
class Projection:
    """Features standardised, then seen in a few directions drawn at random.

    PaDiM draws features at random, since directions of little variance tell defects as well as
    those of much. Orthogonal directions lose less than features left out.

    Attributes
    ----------
    mean : ndarray of shape (n_features,)
    directions : ndarray of shape (n_features, n_components)
        Scaled, so that a standardised feature has the variance 1.
    """

    mean: NDArray[np.float32]
    directions: NDArray[np.float32]

    def __call__(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Project features (..., n_features) to (..., n_components)."""
        return np.matmul(features - self.mean, self.directions, dtype=np.float32)


def learn_projection(
    features: NDArray[np.float32], n_components: int | None, random_state: np.random.RandomState
) -> Projection:
    """Find the scale of features (n, n_features), and draw directions."""
    n_features = features.shape[1]
    scale = features.std(axis=0, dtype=np.float64)
    is_constant = scale <= _CONSTANT * max(scale.max(), np.finfo(np.float32).tiny)
    scale[is_constant] = 1.0
    directions = np.eye(n_features)
    if n_components is not None and n_components < n_features:
        # The factor Q of a Gaussian matrix has orthonormal columns of no preferred direction.
        directions = np.linalg.qr(random_state.normal(size=(n_features, n_components)))[0]
    mean = features.mean(axis=0, dtype=np.float64)
    scaled = directions / scale[:, None]
    return Projection(mean.astype(np.float32), scaled.astype(np.float32))
