"""NeuTraL AD: learned transformations that are told apart by contrast."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from numbers import Integral
from typing import Any, Literal, Self, Unpack

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lofe_sklearn._containers import Matrix
from lofe_sklearn._training import keeps_few_bits, one_feature_dominates
from lofe_sklearn._validation import MOST, Number, OneOf, Sizes
from lofe_sklearn.backbones._base import Backbone
from lofe_sklearn.backbones._docs import with_shared_docs
from lofe_sklearn.backbones._losses import contrastive_losses, contrastive_losses_with_backward
from lofe_sklearn.backbones._mlp import (
    MLP,
    Backward,
    Linear,
    gradient_of_weight,
    product,
    rectify,
    rectify_gradient,
)
from lofe_sklearn.backbones._shared import TEMPERATURE, Scaling, SharedWithBatchSize


class NeuTraLModule(nn.Module):
    """K learned transformations, and an encoder without biases.

    The transformations need biases: without any, a row and its multiples would embed in one
    direction, and have the same score. In the encoder biases would allow all rows to be mapped to
    one point.
    """

    takes_stacked_parameters = True

    def __init__(
        self,
        n_features: int,
        *,
        n_transforms: int,
        transform_type: str,
        transform_sizes: list[int],
        encoder_sizes: list[int],
        temperature: float,
    ) -> None:
        super().__init__()
        self.transform_type, self.temperature = transform_type, temperature
        widths = [n_features, *transform_sizes, n_features]
        # The first layer of all transformations is one matrix: they share their input.
        self.transform_in = Linear(n_features, n_transforms * widths[1])
        self.transform_out = nn.ParameterList(
            _uniform((n_transforms, fan_in, fan_out), fan_in)
            for fan_in, fan_out in pairwise(widths[1:])
        )
        self.transform_bias = nn.ParameterList(
            _uniform((n_transforms, 1, fan_out), fan_in) for fan_in, fan_out in pairwise(widths[1:])
        )
        self.encoder = MLP([n_features, *encoder_sizes], bias=False)
        self.values_per_row = (n_transforms + 1) * max(*widths, *encoder_sizes)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Both losses of the rows x, (b, d); of M modules in one, (M, b, d)."""
        views = torch.cat([x.unsqueeze(-3), self.transformed(x)], dim=-3)  # (..., K + 1, b, d)
        z = self.embed(views.flatten(-3, -2)).view(*views.shape[:-1], -1)
        return contrastive_losses(z.movedim(-3, 0), self.temperature)

    def embed(self, x: Tensor) -> Tensor:
        """Embedding of the rows x, transformed or not: (b, e)."""
        return self.encoder(x)

    def transformed(self, x: Tensor) -> Tensor:
        """All K transformations of the rows x: (K, b, d); of M modules in one, (M, K, b, d)."""
        n_transforms = self.transform_out[0].shape[-3]
        h = self.transform_in(x).unflatten(-1, (n_transforms, -1)).transpose(-3, -2)
        stacked = h.shape[:-2]
        for weight, bias in zip(self.transform_out, self.transform_bias, strict=True):
            # The transformations of all modules are one axis of the product.
            weight, bias = weight.view(-1, *weight.shape[-2:]), bias.view(-1, 1, bias.shape[-1])
            h = torch.baddbmm(bias, F.relu(h).reshape(len(weight), *h.shape[-2:]), weight)
        h = h.view(*stacked, *h.shape[-2:])
        if self.transform_type == "residual":
            return x.unsqueeze(-3) + h
        return h if self.transform_type == "forward" else torch.sigmoid(h) * x.unsqueeze(-3)

    @property
    def has_backward(self) -> bool:
        """Whether `with_backward` does what `forward` and autograd do."""
        is_linear = type(self.transform_in) is Linear
        return self.transform_type != "multiplicative" and is_linear and self.encoder.has_backward

    def with_backward(self, x: Tensor) -> tuple[tuple[Tensor, Tensor], Backward]:
        """Return ``forward(x)``, and what sets the gradients, given those of both losses."""
        transformed, to_transforms = self._transformed_with_backward(x)
        views = torch.cat([x.unsqueeze(-3), transformed], dim=-3)
        z, to_encoder = self.encoder.with_backward(views.flatten(-3, -2))
        # Side by side: the views of one row.
        z = z.view(*views.shape[:-1], -1).transpose(-3, -2)
        losses, to_z = contrastive_losses_with_backward(
            z.reshape(-1, *z.shape[-2:]), self.temperature
        )

        def backward(grad_n: Tensor, grad_a: Tensor) -> None:
            grad = to_z(grad_n.reshape(-1), grad_a.reshape(-1)).view(z.shape)
            grad = to_encoder(grad.transpose(-3, -2).flatten(-3, -2), of_x=True)
            to_transforms(grad.view(views.shape)[..., 1:, :, :])

        loss_n, loss_a = (loss.view(x.shape[:-1]) for loss in losses)
        return (loss_n, loss_a), backward

    def _transformed_with_backward(self, x: Tensor) -> tuple[Tensor, Backward]:
        """Return ``transformed(x)``, and what sets the gradients, given that of it."""
        first = self.transform_in
        hidden = rectify(product(x, first.weight, first.bias))
        layers = list(zip(self.transform_out, self.transform_bias, strict=True))
        n_transforms = layers[0][0].shape[-3]
        h = hidden.view(*hidden.shape[:-1], n_transforms, -1).transpose(-3, -2)
        stacked = h.shape[:-1]
        values: list[Tensor] = []
        # The transformations of all modules are one axis of the product.
        weights = [weight.view(-1, *weight.shape[-2:]) for weight, _ in layers]
        for weight, (_, bias) in zip(weights, layers, strict=True):
            if values:
                rectify(h)
            values.append(h.reshape(len(weight), *h.shape[-2:]))
            h = torch.baddbmm(bias.view(-1, 1, bias.shape[-1]), values[-1], weight)
        h = h.view(*stacked, -1)
        if self.transform_type == "residual":
            h.add_(x.unsqueeze(-3))

        def backward(grad: Tensor) -> None:
            grad = grad.reshape(len(weights[0]), *grad.shape[-2:])
            for i in reversed(range(len(weights))):
                weight, bias = layers[i]
                weight.grad = torch.bmm(values[i].mT, grad).view(weight.shape)
                bias.grad = grad.sum(dim=1).view(bias.shape)
                grad = torch.bmm(grad, weights[i].mT)
                if i > 0:
                    rectify_gradient(grad, values[i])
            grad = grad.view(*stacked, -1).transpose(-3, -2).reshape(hidden.shape)
            rectify_gradient(grad, hidden)
            first.weight.grad = gradient_of_weight(x, grad)
            first.bias.grad = grad.sum(dim=-2)

        return h, backward


def _uniform(shape: tuple[int, ...], fan_in: int) -> nn.Parameter:
    """Draw initial values as torch's linear layers do."""
    bound = 1.0 / math.sqrt(fan_in)
    return nn.Parameter(torch.empty(shape).uniform_(-bound, bound))


@with_shared_docs
class NeuTraL(Backbone):
    """NeuTraL AD: anomaly detection with learned transformations.

    K small networks transform each row, and an encoder is trained so that every transformed view
    resembles the untransformed row but no other view. Rows for which this fails are anomalous. On
    its own it is trained blind, as if all rows were normal; ``LOE(NeuTraL(...))`` trains it on
    contaminated data. The method is that of [1]_.

    Parameters
    ----------
    n_transforms : int, default=11
        Number K of transformations, at least 2.
    transform_type : {"residual", "forward", "multiplicative"}, default="forward"
        View k is ``x + M_k(x)``, ``M_k(x)`` or ``sigmoid(M_k(x)) * x``.
    transform_sizes : list of int, optional
        Widths of the hidden layers of each M_k. Default: see Notes.
    encoder_sizes : list of int, optional
        Widths of the encoder's layers, the last one being the embedding. Default: see Notes.
    temperature : float, default=0.1
        The cosine similarities are divided by it. At most 1e6, which makes them all alike.
    scaling : {None, "auto", "rms", "minmax", "standard", "winsorized", "sketched"}, default="auto"
        Scaling of the features inside the estimator, learned from the training rows. ``"rms"``
        divides X as a whole by the median of its rows' root mean squares and keeps the features'
        sizes relative to each other. ``"auto"`` takes ``"minmax"``, which did best on most sets, or
        ``"rms"`` if one feature has more than 99 % of the features' total variance: the others are
        then too small to matter, and scaled up they would drown it. It never takes ``"rms"`` if a
        feature's values differ by less than a 4096th of their size, as times in milliseconds do.
        ``"winsorized"`` is ``"standard"``, but cuts far values off first. ``"sketched"`` does too,
        and adds thousands of features up to 512 sums at most.
    max_epochs : int, default=300
        Passes over the training rows, as many as in the paper. Soft labels need them.
    lr : float, optional
        Learning rate of Adam. Default: ``8e-3 / sqrt(w)`` for an encoder of width w, that is 1e-3
        at the paper's width of 64. Adam's steps have one size whatever the weights', and those of
        a narrow layer start larger, by the square root of the width.
    %(training_parameters)s

    Attributes
    ----------
    %(fitted_attributes)s

    See Also
    --------
    LOE : Trains this backbone on contaminated data.

    Notes
    -----
    Sizes follow the number d of features. Encoder: two hidden layers and an embedding, all of size
    2 d for d < 32; 64, 64 and 32 up to d = 300; 256, 256 and 64 above. The widths are the paper's,
    which has one or two layers more.
    Transformations: one hidden layer of width d, at most 64.

    Labels of rows that `LOE` marks are 1/2 in the first half of the epochs, and 3/4 (soft) or 1
    (hard) in the second. At first the choice of marked rows is little better than chance, and a row
    that is only pulled to the middle can still turn out to be normal. Hard labels that follow first
    labels of ``init`` are 1 in all epochs.

    The score of a row of zeros, as the network sees it, is apart from those of all rows near it,
    since a zero vector has no direction. With ``"minmax"`` that is the row whose every feature has
    its lowest training value. In another precision than in training it is no longer exactly zero,
    and has another score: if rows may be float32 or float64, train and score them in one of
    the two.

    References
    ----------
    .. [1] C. Qiu, T. Pfrommer, M. Kloft, S. Mandt, M. Rudolph (2021). Neural Transformation
       Learning for Deep Anomaly Detection Beyond Images. ICML. arXiv:2103.16440.

    Examples
    --------
    >>> from lofe_sklearn import NeuTraL
    >>> from lofe_sklearn.datasets import load_thyroid
    >>> X, y = load_thyroid(return_X_y=True)
    >>> detector = NeuTraL(max_epochs=2, random_state=0).fit(X)
    >>> round(float((detector.predict(X) == -1).mean()), 2)
    0.1
    """

    own_constraints = {
        "n_transforms": Number(Integral, low=2, most=MOST),
        "transform_type": OneOf(("residual", "forward", "multiplicative")),
        "transform_sizes": Sizes(),
        "encoder_sizes": Sizes(),
        "temperature": TEMPERATURE,
        "lr": Number(low=0, exclude_low=True, optional=True),
    }

    def __init__(
        self,
        *,
        n_transforms: int = 11,
        transform_type: Literal["residual", "forward", "multiplicative"] = "forward",
        transform_sizes: Sequence[int] | None = None,
        encoder_sizes: Sequence[int] | None = None,
        temperature: float = 0.1,
        scaling: Scaling = "auto",
        max_epochs: int = 300,
        lr: float | None = None,
        **shared: Unpack[SharedWithBatchSize],
    ) -> None:
        self.n_transforms = n_transforms
        self.transform_type = transform_type
        self.transform_sizes = transform_sizes
        self.encoder_sizes = encoder_sizes
        self.temperature = temperature
        super().__init__(scaling=scaling, max_epochs=max_epochs, lr=lr, **shared)

    def choose_scaling(self, X: Matrix) -> str | None:
        if self.scaling == "auto":
            return "rms" if one_feature_dominates(X) and not keeps_few_bits(X) else "minmax"
        return super().choose_scaling(X)

    @classmethod
    def for_features(cls, **parameters: Any) -> Self:
        """Return a NeuTraL for frozen features of a pretrained network, as in the LOE paper.

        15 forward transformations, three layers, an embedding of 256, batches of 512 rows, a
        learning rate of 4e-4 and 30 epochs, which Qiu et al. 2022 take for 2048 features of a
        ResNet. Widths of hidden layers are not published; they are 256 here. Features are divided
        by one number (``scaling="rms"``), so that they keep their sizes relative to each other.

        Parameters
        ----------
        **parameters
            Parameters to set or to replace.

        Returns
        -------
        detector : NeuTraL

        Examples
        --------
        >>> from lofe_sklearn import NeuTraL
        >>> NeuTraL.for_features(random_state=0).encoder_sizes
        (256, 256, 256)
        """
        preset: dict[str, Any] = {
            "n_transforms": 15,
            "transform_type": "forward",
            "transform_sizes": (256, 256),
            "encoder_sizes": (256, 256, 256),
            "scaling": "rms",
            "batch_size": 512,
            "lr": 4e-4,
            "max_epochs": 30,
        }
        return cls(**(preset | parameters))

    def build_module(self, n_features: int) -> nn.Module:
        return NeuTraLModule(
            n_features,
            n_transforms=self.n_transforms,
            transform_type=self.transform_type,
            transform_sizes=list(self.transform_sizes or [min(n_features, 64)]),
            encoder_sizes=self._encoder_sizes(n_features),
            temperature=self.temperature,
        )

    def _encoder_sizes(self, n_features: int) -> list[int]:
        if self.encoder_sizes:
            return list(self.encoder_sizes)
        if n_features < 32:
            return [2 * n_features] * 3
        return [64, 64, 32] if n_features <= 300 else [256, 256, 64]

    def choose_soft_label(self, n_features: int) -> float:
        """Return the label of the second half of the epochs."""
        return 0.75

    def choose_first_label(self, n_features: int) -> float:
        """Return the label of the LOE paper's soft labels."""
        return 0.5

    def choose_lr(self, n_features: int) -> float:
        return self.lr or 8e-3 / math.sqrt(self._encoder_sizes(n_features)[0])
