"""ICL: the rest of a row tells a window of its features apart from its other windows."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any, Self, Unpack

import torch
from torch import nn

from lofe_sklearn._containers import Matrix
from lofe_sklearn._training import one_feature_dominates
from lofe_sklearn._validation import Number, OneOf, Sizes
from lofe_sklearn.backbones._base import Backbone
from lofe_sklearn.backbones._docs import with_shared_docs
from lofe_sklearn.backbones._icl_module import ICLModule, window_starts
from lofe_sklearn.backbones._shared import TEMPERATURE, Scaling, SharedWithBatchSize


@with_shared_docs
class ICL(Backbone):
    """ICL: internal contrastive learning.

    Each row is cut into windows of consecutive features. One encoder embeds a window, another one
    the rest of the row, and both are trained so that the rest tells its own window from the row's
    other windows. If it cannot, the features do not go together as they usually do, and the
    row is anomalous. On its own it is trained blind, as if all rows were normal; ``LOE(ICL(...))``
    trains it on contaminated data. The method is that of [1]_.

    Parameters
    ----------
    window_size : int, optional
        Features k of a window; at least one more feature is needed. Default: see Notes.
    max_windows : int, default=151
        Windows of a row at most; of more, evenly spaced ones are taken. It bounds memory and time
        for wide rows, and is as many as the paper's window sizes give.
    windows_per_step : int or None, default=64
        Windows whose rest is embedded in a training step, of all permutations together, drawn anew
        for each step, if a row has more; None takes all. They are still told apart from all windows
        of the row, so that the gradient is that of all of them in the mean. Scores are always of
        all windows.
    n_permutations : int, optional
        Orders of the features, the given one and random ones; each has encoders and gains of its
        own, and the losses are averaged. The order decides which features share a window. Time
        grows with their number. Default: 4 for d <= 16, 2 for d <= 40 and 1 above.
    mixed_scaling : bool, optional
        Whether every second permutation sees each feature with a range of 1, and the others see
        them as `scaling` leaves them. Default: True, but False if one feature has nearly all of the
        variance after scaling, since equal ranges would hide that.
    window_sizes : list of int, default=(32, 64, 64)
        Widths of the layers of the encoder of windows, the last one being the embedding.
    rest_sizes : list of int, default=(64, 128, 64)
        Widths of the layers of the encoder of the rest, ending in the same width.
    feature_gain : float, optional
        Spread of the fixed random factors that features are multiplied by: the standard deviation
        of their logarithm. Their signs are random too; 0 is for no factors. Default: 0.6. With
        ``scaling="minmax"`` it is 0.15, except in the permutations that `mixed_scaling` gives equal
        ranges; see Notes.
    feature_offset : float, optional
        Standard deviation of the fixed random shifts of the features after that. Default: 0.1, and
        0 where `feature_gain` is 0.15; see Notes.
    temperature : float, default=0.1
        The cosine similarities are divided by it. At most 1e6, which makes them all alike.
    loss_threshold : float, optional
        Training stops once the normal loss of the rows taken for normal is below it. Default: the
        paper's, 1e-3 up to 40 features and 1e-2 above; 0 for never.
    scaling : {None, "auto", "rms", "minmax", "standard", "winsorized", "sketched"}, default="auto"
        Scaling of the features inside the estimator, learned from the training rows. ``"rms"``
        divides X as a whole by the median of its rows' root mean squares; ``"auto"`` takes it, or
        ``"minmax"`` if at least three in ten of the non-zero values are negative, as in rows that
        were centred before, or if a feature's values differ by less than a 4096th of their size, as
        times in milliseconds do: float32 would blur them. ``"winsorized"`` is ``"standard"``, but
        cuts far values off first. ``"sketched"`` does too, and adds thousands of features up to
        512 sums at most.
    max_epochs : int, optional
        Passes over the training rows. Default: see Notes.
    lr : float, default=3e-3
        Learning rate of Adam.
    %(training_parameters)s

    Attributes
    ----------
    %(fitted_attributes)s

    See Also
    --------
    LOE : Trains this backbone on contaminated data.

    Notes
    -----
    The default window has 2 features for d <= 40, 10 for d <= 160 and d - 150 above, as in the
    paper, and never more than d - 1. The encoders are smaller than the paper's.

    The encoders see no positions. If two windows look the same, as in rows with many ones or
    zeros, nothing can tell them apart, and the losses say little. So each feature gets a fixed
    random factor, which leaves zero at zero, and a small shift for those that are always close to
    it. Without them some data sets cannot be learned at all. ``"minmax"`` puts each feature into a
    range of its own around a half, which tells them apart to some degree, so less is needed there.

    Some data sets need the features' own sizes, others equal ranges, and which of them cannot be
    seen without labels. So permutations of both kinds share the losses and the labels.

    Soft labels of `LOE` are 1 - 1/m for m windows: a marked row is pulled to where its windows are
    told apart by chance. The 1/2 of the LOE paper pulls it to C = 1/2, where training as a normal
    row takes it, too, until the losses of normal rows are far below log 2.

    Training takes as many epochs as make 1500 steps, but at least 50 and at most 300, and is over
    earlier if the loss falls below the threshold.

    References
    ----------
    .. [1] T. Shenkar, L. Wolf (2022). Anomaly Detection for Tabular Data with Internal Contrastive
       Learning. ICLR.

    Examples
    --------
    >>> from lofe_sklearn import ICL
    >>> from lofe_sklearn.datasets import load_thyroid
    >>> X, y = load_thyroid(return_X_y=True)
    >>> detector = ICL(max_epochs=2, random_state=0).fit(X)
    >>> round(float((detector.predict(X) == -1).mean()), 2)
    0.1
    """

    min_features = 2  # a window, and a rest to tell it by
    default_steps = 1500
    default_epoch_range = 50, 300

    own_constraints = {
        "window_size": Number(Integral, low=1, optional=True),
        "max_windows": Number(Integral, low=2),
        "windows_per_step": Number(Integral, low=1, optional=True),
        "n_permutations": Number(Integral, low=1, optional=True),
        "mixed_scaling": OneOf((None, False, True)),
        "window_sizes": Sizes(optional=False),
        "rest_sizes": Sizes(optional=False),
        "feature_gain": Number(low=0, optional=True),
        "feature_offset": Number(low=0, optional=True),
        "temperature": TEMPERATURE,
        "loss_threshold": Number(low=0, optional=True),
        "max_epochs": Number(Integral, low=1, optional=True),
    }

    def __init__(
        self,
        *,
        window_size: int | None = None,
        max_windows: int = 151,
        windows_per_step: int | None = 64,
        n_permutations: int | None = None,
        mixed_scaling: bool | None = None,
        window_sizes: Sequence[int] = (32, 64, 64),
        rest_sizes: Sequence[int] = (64, 128, 64),
        feature_gain: float | None = None,
        feature_offset: float | None = None,
        temperature: float = 0.1,
        loss_threshold: float | None = None,
        scaling: Scaling = "auto",
        max_epochs: int | None = None,
        lr: float = 3e-3,
        **shared: Unpack[SharedWithBatchSize],
    ) -> None:
        self.window_size = window_size
        self.max_windows = max_windows
        self.windows_per_step = windows_per_step
        self.n_permutations = n_permutations
        self.mixed_scaling = mixed_scaling
        self.window_sizes = window_sizes
        self.rest_sizes = rest_sizes
        self.feature_gain = feature_gain
        self.feature_offset = feature_offset
        self.temperature = temperature
        self.loss_threshold = loss_threshold
        super().__init__(scaling=scaling, max_epochs=max_epochs, lr=lr, **shared)

    def resolved(self, X: Matrix, layout: Any = None) -> Self:
        model = super().resolved(X, layout)
        if model.mixed_scaling is None:
            keeps_sizes = model.scaling in (None, "rms")
            hides = keeps_sizes and one_feature_dominates(X)
            model.set_params(mixed_scaling=not hides)
        return model

    def build_module(self, n_features: int) -> nn.Module:
        window_size = self.window_size or _paper_window(n_features)
        if window_size >= n_features:
            raise ValueError(
                f"ICL: window_size must be below the number of features, so that at least one is "
                f"left to tell the windows by; got window_size={window_size} for X with "
                f"{n_features} features. Lower window_size, to {n_features - 1} or less, or leave "
                "it None."
            )
        if self.window_sizes[-1] != self.rest_sizes[-1]:
            raise ValueError(
                "ICL: window_sizes and rest_sizes must end in the same width, as their embeddings "
                f"are compared; got {self.window_sizes!r} and {self.rest_sizes!r}."
            )
        n_permutations = self.n_permutations or _n_permutations(n_features)
        mixed = self.mixed_scaling is not False
        gains, offsets = torch.full((n_permutations,), 0.6), torch.full((n_permutations,), 0.1)
        if self.scaling == "minmax":
            # Each feature's own range, which "minmax" leaves it in, tells it apart to some degree.
            in_own_range = slice(None, None, 2 if mixed else 1)
            gains[in_own_range], offsets[in_own_range] = 0.15, 0.0
        if self.feature_gain is not None:
            gains.fill_(float(self.feature_gain))
        if self.feature_offset is not None:
            offsets.fill_(float(self.feature_offset))
        return ICLModule(
            n_features,
            window_size=window_size,
            max_windows=self.max_windows,
            windows_per_step=self.windows_per_step,
            n_permutations=n_permutations,
            window_sizes=list(self.window_sizes),
            rest_sizes=list(self.rest_sizes),
            gains=gains,
            offsets=offsets,
            mixed_scaling=mixed,
            temperature=self.temperature,
        )

    def choose_soft_label(self, n_features: int) -> float:
        """Return the label by which a window is no easier to tell than by chance."""
        size = self.window_size or _paper_window(n_features)
        return 1 - 1 / len(window_starts(n_features, size, self.max_windows))

    def choose_loss_threshold(self, n_features: int) -> float | None:
        if self.loss_threshold is None:
            return 1e-3 if n_features <= 40 else 1e-2
        return self.loss_threshold


def _n_permutations(n_features: int) -> int:
    """Orders of the features that a row of few windows can afford."""
    return 4 if n_features <= 16 else 2 if n_features <= 40 else 1


def _paper_window(n_features: int) -> int:
    """Features of a window in Shenkar & Wolf 2022, but at most all but one."""
    size = 2 if n_features <= 40 else 10 if n_features <= 160 else n_features - 150
    return min(size, n_features - 1)
