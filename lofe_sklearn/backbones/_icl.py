"""ICL: the rest of a row tells a window of its features apart from its other windows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from numbers import Integral
from typing import Unpack

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lofe_sklearn._validation import Number, Sizes
from lofe_sklearn.backbones._base import Backbone
from lofe_sklearn.backbones._docs import with_shared_docs
from lofe_sklearn.backbones._losses import matching_losses, unit_vectors
from lofe_sklearn.backbones._shared import TEMPERATURE, Scaling, SharedWithBatchSize

# Steps until the windows drawn come in the same order again.
SCHEDULE = 512


class ICLModule(nn.Module):
    """Two encoders for each permutation: one of windows, and one of the rest of the row.

    The P permutations of the features have networks of their own, all of which run as one.
    """

    order: Tensor
    gain: Tensor
    offset: Tensor
    rest: Tensor
    schedule: Tensor

    def __init__(
        self,
        n_features: int,
        *,
        window_size: int,
        max_windows: int,
        windows_per_step: int | None,
        n_permutations: int,
        window_sizes: list[int],
        rest_sizes: list[int],
        feature_gain: float,
        feature_offset: float,
        temperature: float,
    ) -> None:
        super().__init__()
        self.window_size, self.temperature = window_size, temperature
        starts = _window_starts(n_features, window_size, max_windows)
        self.step, self.n_windows = starts.step, len(starts)
        widest = max(n_features, *window_sizes, *rest_sizes)
        self.values_per_row = n_permutations * self.n_windows * widest
        self.n_drawn = min(windows_per_step or self.n_windows, self.n_windows)

        permutations = [torch.randperm(n_features) for _ in range(n_permutations - 1)]
        self.register_buffer("order", torch.stack([torch.arange(n_features), *permutations]))
        gain = torch.exp(feature_gain * torch.randn(n_permutations, n_features))
        signs = torch.randn_like(gain).sign() if feature_gain > 0 else 1.0
        self.register_buffer("gain", gain * signs)
        self.register_buffer("offset", feature_offset * torch.randn_like(gain))
        kept = [[*range(s), *range(s + window_size, n_features)] for s in starts]
        self.register_buffer("rest", torch.tensor(kept))  # (m, d - k)
        self.window_encoder = _Encoders(n_permutations, [window_size, *window_sizes])
        self.rest_encoder = _Encoders(n_permutations, [n_features - window_size, *rest_sizes])

        # Drawn here, where the seed is set, and counted in Python: the models of a stack are called
        # as one, and their forward must not draw or branch. Each line begins with the windows whose
        # rest is used in a step.
        n_lines = 0 if self.n_drawn == self.n_windows else SCHEDULE
        lines = [torch.randperm(self.n_windows) for _ in range(n_lines)]
        schedule = torch.stack(lines) if lines else torch.zeros(0, 0, dtype=torch.long)
        self.register_buffer("schedule", schedule)
        self.n_steps = 0

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Both losses of the rows x, (b, d); in training, over the windows of the step."""
        n_rows, n_permutations = x.shape[0], self.order.shape[0]
        rows = self._permuted(x)
        windows = rows.unfold(2, self.window_size, self.step)  # (P, b, m, k)
        kept = self.rest
        if self.training and len(self.schedule):
            order = self.schedule[self.n_steps % len(self.schedule)]
            windows, kept = windows.index_select(2, order), kept[order[: self.n_drawn]]
        rest = rows.index_select(2, kept.flatten())
        rest = rest.view(n_permutations, n_rows, *kept.shape)  # (P, b, m drawn, d - k)
        logits = torch.bmm(
            self._embed(self.rest_encoder, rest), self._embed(self.window_encoder, windows).mT
        )
        losses = matching_losses(logits)  # (P b,) each
        # Calls that only infer labels are not counted, since only some models of a stack may make
        # them.
        self.n_steps += torch.is_grad_enabled()
        loss_n, loss_a = (loss.view(n_permutations, n_rows).mean(dim=0) for loss in losses)
        return loss_n, loss_a

    def embed(self, x: Tensor) -> Tensor:
        """Mean embedding of the rows x without each of their windows: (b, P e)."""
        rows = self._permuted(x)
        rest = rows.index_select(2, self.rest.flatten()).view(*rows.shape[:2], *self.rest.shape)
        z = self._embed(self.rest_encoder, rest).view(*rest.shape[:3], -1)
        return z.mean(dim=2).transpose(0, 1).flatten(1)

    def _permuted(self, x: Tensor) -> Tensor:
        """Return the rows x in each order, with each feature's gain and offset: (P, b, d)."""
        rows = x[:, self.order].transpose(0, 1)
        return rows * self.gain.unsqueeze(1) + self.offset.unsqueeze(1)

    def _embed(self, encoder: _Encoders, parts: Tensor) -> Tensor:
        """Embed the parts, (P, b, m, ...), with cosines over temperature for products."""
        z = encoder(parts.flatten(1, 2)).view(-1, parts.shape[2], encoder.n_outputs)
        return unit_vectors(z, self.temperature**-0.5)


class _Encoders(nn.Module):
    """P perceptrons of the same sizes, each with inputs of its own: (P, n, in) to (P, n, out)."""

    def __init__(self, n_networks: int, sizes: list[int]) -> None:
        super().__init__()
        self.n_outputs = sizes[-1]
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for fan_in, fan_out in pairwise(sizes):
            bound = 1.0 / math.sqrt(fan_in)  # as torch's linear layers draw theirs
            weight = torch.empty(n_networks, fan_in, fan_out).uniform_(-bound, bound)
            bias = torch.empty(n_networks, 1, fan_out).uniform_(-bound, bound)
            self.weights.append(nn.Parameter(weight))
            self.biases.append(nn.Parameter(bias))

    def forward(self, x: Tensor) -> Tensor:
        last = len(self.weights) - 1
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = torch.baddbmm(bias, x, weight)
            if i < last:
                x = F.leaky_relu(x, 0.2)
        return x


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
        Windows whose rest is embedded in a training step, drawn anew for each, if a row has more;
        None takes all. They are still told apart from all windows of the row, so that the gradient
        is that of all of them in the mean. Scores are always of all windows.
    n_permutations : int, default=1
        Orders of the features, the given one and random ones; each has encoders of its own, and
        the losses are averaged. The order decides which features share a window. Time grows with
        their number.
    window_sizes : list of int, default=(32, 64, 64)
        Widths of the layers of the encoder of windows, the last one being the embedding.
    rest_sizes : list of int, default=(64, 128, 64)
        Widths of the layers of the encoder of the rest, ending in the same width.
    feature_gain : float, optional
        Spread of the fixed random factors that features are multiplied by: the standard deviation
        of their logarithm. Their signs are random too; 0 is for no factors. Default: 0.15 for
        features scaled by ``"minmax"``, else 0.6; see Notes.
    feature_offset : float, optional
        Standard deviation of the fixed random shifts of the features after that. Default: 0 for
        features scaled by ``"minmax"``, else 0.1; see Notes.
    temperature : float, default=0.1
        The cosine similarities are divided by it. At most 1e6, which makes them all alike.
    loss_threshold : float, optional
        Training stops once the normal loss of the rows taken for normal is below it. Default: the
        paper's, 1e-3 up to 40 features and 1e-2 above; 0 for never.
    scaling : {None, "auto", "rms", "minmax", "standard"}, default="auto"
        Scaling of the features inside the estimator, learned from the training rows. ``"rms"``
        divides X as a whole by the median of its rows' root mean squares; ``"auto"`` takes it, or
        ``"minmax"`` if at least three in ten of the non-zero values are negative, as in rows
        that were centred before.
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
        "n_permutations": Number(Integral, low=1),
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
        n_permutations: int = 1,
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
        self.window_sizes = window_sizes
        self.rest_sizes = rest_sizes
        self.feature_gain = feature_gain
        self.feature_offset = feature_offset
        self.temperature = temperature
        self.loss_threshold = loss_threshold
        super().__init__(scaling=scaling, max_epochs=max_epochs, lr=lr, **shared)

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
        # Each feature's own range, which "minmax" leaves it in, tells it apart to some degree.
        told_apart = self.scaling == "minmax"
        gain, offset = (0.15, 0.0) if told_apart else (0.6, 0.1)
        return ICLModule(
            n_features,
            window_size=window_size,
            max_windows=self.max_windows,
            windows_per_step=self.windows_per_step,
            n_permutations=self.n_permutations,
            window_sizes=list(self.window_sizes),
            rest_sizes=list(self.rest_sizes),
            feature_gain=gain if self.feature_gain is None else self.feature_gain,
            feature_offset=offset if self.feature_offset is None else self.feature_offset,
            temperature=self.temperature,
        )

    def choose_soft_label(self, n_features: int) -> float:
        """Return the label by which a window is no easier to tell than by chance."""
        size = self.window_size or _paper_window(n_features)
        return 1 - 1 / len(_window_starts(n_features, size, self.max_windows))

    def choose_loss_threshold(self, n_features: int) -> float | None:
        if self.loss_threshold is None:
            return 1e-3 if n_features <= 40 else 1e-2
        return self.loss_threshold


def _window_starts(n_features: int, window_size: int, max_windows: int) -> range:
    """First features of the windows of a row, evenly spaced."""
    n_possible = n_features - window_size + 1
    return range(0, n_possible, math.ceil(n_possible / max_windows))


def _paper_window(n_features: int) -> int:
    """Features of a window in Shenkar & Wolf 2022, but at most all but one."""
    size = 2 if n_features <= 40 else 10 if n_features <= 160 else n_features - 150
    return min(size, n_features - 1)
