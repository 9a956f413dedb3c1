"""The two losses in numerically exact form, shared by the backbones; of energies see `_energies`.

For a probability C that a view or a row is recognised as normal, L_n = -log C and
L_a = -log(1 - C). Both are computed from logits or exponents, never from C itself, so that neither
overflows, turns NaN or loses its gradient where C is close to 0 or to 1.

Forward and backward are written by hand, in place. When torch records the operations
(`torch.export`, for ONNX files), the same formulas are used without the handwritten gradients.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

# The bound on lengths: a zero vector has no direction, and stays zero with a zero gradient.
_SMALLEST_SQUARE = 1e-30
# From this temperature on, exp(1 / temperature) is far from the largest float32.
_LEAST_TEMPERATURE = 0.05


def density_losses(log_density: Tensor) -> tuple[Tensor, Tensor]:
    """L_n = -log p and L_a = log p for log-densities of any sign and shape.

    For models that give the density p(x) itself, such as normalizing flows. Its module must say
    ``score_scale = "linear"``, as these losses may be negative and have no logarithm.

    L_a has no lower bound: log p can fall without end. Rows that are labelled as anomalies are
    pushed away as long as the training runs, and with hard labels nothing stops it.
    `gradient_clip_value` limits each step, and few epochs limit the sum of the steps. With soft
    labels both losses of these rows are trained, and cancel.

    Parameters
    ----------
    log_density : Tensor
        log p(x) of each row, with all of its constants or without.

    Returns
    -------
    loss_n, loss_a : Tensor of the same shape
    """
    return -log_density, log_density


def matching_losses(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Losses of finding, among m candidates, the one that belongs to each of n parts of a row.

    ``C_j`` is the softmax weight of part j's own candidate, on the diagonal, among all of them.
    With the logit ``u_j = s_jj - logsumexp_{l != j} s_jl``, ``-log C_j = softplus(-u_j)`` and
    ``-log(1 - C_j) = softplus(u_j)``, exactly. Both are averaged over j.

    Parameters
    ----------
    logits : Tensor of shape (b, n, m), n <= m
        ``logits[:, j, l]``: how well candidate l fits part j; candidate j is its own.

    Returns
    -------
    loss_n, loss_a : Tensor of shape (b,)
    """
    if torch.compiler.is_compiling():
        own = logits.diagonal(0, 1, 2)
        is_own = torch.eye(*logits.shape[1:], dtype=torch.bool, device=logits.device)
        others = logits.masked_fill(is_own, -math.inf)
        return _averaged((own - _logsumexp(others)).movedim(-1, 0))
    return _MatchingLosses.apply(logits)[:2]


def unit_vectors(z: Tensor, length: float = 1.0) -> Tensor:
    """Vectors along the last axis of z, brought to `length`; a zero vector stays zero."""
    if torch.compiler.is_compiling():
        return z * (z.square().sum(-1, keepdim=True) + _SMALLEST_SQUARE).rsqrt() * length
    return _UnitVectors.apply(z, length)[0]


def contrastive_losses(views: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Deterministic contrastive losses of K transformed views against the untransformed one.

    For view k, ``C_k`` is the softmax weight of the pair (k, 0) among all pairs (k, l), l != k,
    with cosine similarity over `temperature`. With the logit

        u_k = s(k, 0) - logsumexp_{l not in {0, k}} s(k, l),

    ``-log C_k = softplus(-u_k)`` and ``-log(1 - C_k) = softplus(u_k)``, exactly. Both are averaged
    over k and divided by log K (Qiu et al., ICML 2021, equation 2; ICML 2022).

    Parameters
    ----------
    views : Tensor of shape (K + 1, ..., e)
        Embeddings of (b,) rows, or of those of M models, (M, b); ``views[0]`` is the untransformed
        view.
    temperature : float

    Returns
    -------
    loss_n, loss_a : Tensor of shape (...)
    """
    if torch.compiler.is_compiling():
        unit = unit_vectors(views.movedim(0, -2), temperature**-0.5)
        similarity = unit[..., 1:, :] @ unit.transpose(-1, -2)  # (..., K, K + 1)
        n_transforms = similarity.shape[-2]
        excluded = torch.eye(n_transforms, n_transforms + 1, dtype=torch.bool, device=views.device)
        excluded = excluded.roll(1, dims=1)
        excluded[:, 0] = True  # the positive pair competes with the others, not with itself
        others = similarity.masked_fill(excluded, -math.inf)
        logit = (similarity[..., 0] - _logsumexp(others)).movedim(-1, 0)
        loss_n, loss_a = _averaged(logit)
        return loss_n / math.log(n_transforms), loss_a / math.log(n_transforms)
    loss_n, loss_a, *_ = _ContrastiveLosses.apply(views, temperature)
    return loss_n.view(views.shape[1:-1]), loss_a.view(views.shape[1:-1])


def contrastive_losses_with_backward(
    views: Tensor, temperature: float
) -> tuple[tuple[Tensor, Tensor], Callable[[Tensor, Tensor], Tensor]]:
    """`contrastive_losses` of views (n, K + 1, e), the untransformed one first.

    Also return what turns the gradients of both losses, (n,), into that of the views.
    """
    loss_n, loss_a, *saved = _contrast(views, temperature)
    return (loss_n, loss_a), partial(_contrast_gradient, views, temperature, saved)


class _MatchingLosses(torch.autograd.Function):
    """Forward and backward by hand: in place, and with the rows of the batch as the last axis.

    Autograd would keep several tensors of the logits' size, and reduce over a short last axis.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(logits: Tensor) -> tuple[Tensor, ...]:
        others = logits.permute(1, 2, 0).clone(memory_format=torch.contiguous_format)  # (n, m, b)
        own = others.diagonal(0, 0, 1).t().clone()
        others.diagonal(0, 0, 1).fill_(-math.inf)
        share, logit = _compete(own, others)
        return *_averaged(logit), share, logit

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Any, ...]) -> None:
        ctx.mark_non_differentiable(*output[2:])
        ctx.save_for_backward(*output[2:])

    @staticmethod
    def backward(ctx: Any, grad_n: Tensor, grad_a: Tensor, *_: Any) -> Any:
        share, logit = ctx.saved_tensors
        grad_logit = _gradient_of_logit(logit, grad_n, grad_a)
        grad = share * -grad_logit.unsqueeze(1)
        grad.diagonal(0, 0, 1).copy_(grad_logit.t())
        return grad.permute(2, 0, 1).contiguous()


class _UnitVectors(torch.autograd.Function):
    """Normalisation with one product in each direction, not the six that autograd makes of it."""

    generate_vmap_rule = True

    @staticmethod
    def forward(z: Tensor, length: float) -> tuple[Tensor, Tensor]:
        factor = z.square().sum(-1, keepdim=True).add_(_SMALLEST_SQUARE).rsqrt_().mul_(length)
        return z * factor, factor

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Any, ...]) -> None:
        ctx.length = inputs[1]
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(*output)

    @staticmethod
    def backward(ctx: Any, grad: Tensor, _: Any) -> Any:
        unit, factor = ctx.saved_tensors
        # What points along the vector itself is lost.
        along = (unit * grad).sum(-1, keepdim=True).mul_(ctx.length**-2)
        return torch.addcmul(grad, unit, along, value=-1).mul_(factor), None


def _logsumexp(values: Tensor) -> Tensor:
    """Return logsumexp over the last axis; runtimes differ in how they treat values of -inf."""
    largest = values.amax(dim=-1, keepdim=True)
    return ((values - largest).exp().sum(dim=-1, keepdim=True).log() + largest).squeeze(-1)


def _compete(own: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
    """Logit of each part's own candidate, (m, b), against the others, (m, l, b), used up.

    Returns the others' shares in the logsumexp, and ``own - logsumexp(others)``.
    """
    largest = others.amax(dim=1, keepdim=True)
    share = others.sub_(largest).exp_()
    total = share.sum(dim=1, keepdim=True)
    share.div_(total)
    return share, own - total.log_().add_(largest).squeeze(1)


def _averaged(logit: Tensor) -> tuple[Tensor, Tensor]:
    """-log C and -log(1 - C) of logits (m, b), as means over the parts."""
    return F.softplus(-logit).mean(dim=0), F.softplus(logit).mean(dim=0)


def _gradient_of_logit(logit: Tensor, grad_n: Tensor, grad_a: Tensor) -> Tensor:
    """Gradient of what `_averaged` returns."""
    # d softplus(-u) / du = sigmoid(u) - 1 and d softplus(u) / du = sigmoid(u).
    return (torch.sigmoid(logit) * (grad_n + grad_a)).sub_(grad_n).div_(len(logit))


def _contrast(views: Tensor, temperature: float) -> tuple[Tensor, ...]:
    """Both losses of views (n, K + 1, e), and what `_contrast_gradient` needs.

    A row of the square matrices belongs to a view, and so does a column. Row 0 makes no loss.
    """
    excluded, mean, ones = _constants(views.shape[1], views.dtype, views.device)
    products = torch.bmm(views, views.mT)
    # Views of length 1 have their cosines as products. That of a view which is zero is 0.
    factor = (products.diagonal(0, 1, 2) + _SMALLEST_SQUARE).rsqrt_()
    factors = factor.unsqueeze(2) * factor.unsqueeze(1)
    cosine = products.mul_(factors)
    # By powers of 2, which torch computes in a quarter of the time that those of e take.
    share = torch.add(excluded, cosine, alpha=1.0 / (temperature * math.log(2.0)))
    largest = None
    if temperature < _LEAST_TEMPERATURE:
        largest = share.amax(dim=2, keepdim=True)
        share.sub_(largest)
    total = torch.mv(share.exp2_().view(-1, len(ones)), ones).view(-1, len(ones))
    logit = (cosine[:, :, 0] / temperature).sub_(total.log())
    if largest is not None:
        logit.sub_(largest.squeeze(2) * math.log(2.0))
    loss_n, loss_a = torch.mv(F.softplus(-logit), mean), torch.mv(F.softplus(logit), mean)
    return loss_n, loss_a, factor, factors, cosine, share, total, logit


def _contrast_gradient(
    views: Tensor, temperature: float, saved: Sequence[Tensor], grad_n: Tensor, grad_a: Tensor
) -> Tensor:
    """Gradient of the views, given those of both losses."""
    factor, factors, cosine, share, total, logit = saved
    _, mean, ones = _constants(views.shape[1], views.dtype, views.device)
    # d softplus(-u) / du = sigmoid(u) - 1 and d softplus(u) / du = sigmoid(u).
    both = (grad_n + grad_a).unsqueeze(1)
    minus_logit = torch.addcmul(grad_n.unsqueeze(1), torch.sigmoid(logit), both, value=-1)
    minus_logit.mul_(mean / temperature)
    grad = share * (minus_logit / total).unsqueeze(2)
    grad[:, :, 0] = -minus_logit
    # Each cosine is that of two views.
    grad = grad.mT.contiguous().add_(grad)
    # Back through the normalisation: what points along the vector itself is lost.
    along = torch.mv((grad * cosine).view(-1, len(ones)), ones).view_as(factor)
    grad.mul_(factors).diagonal(0, 1, 2).sub_(along.mul_(factor).mul_(factor))
    return torch.bmm(grad, views)


@lru_cache(maxsize=64)
def _constants(n_views: int, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, ...]:
    """Minus infinity for pairs that do not compete, the weights of views in the mean, and ones.

    View k competes with the other transformed views: not with itself, nor with the untransformed
    one. The latter has no loss, and is on its own.
    """
    excluded = np.zeros((n_views, n_views))
    np.fill_diagonal(excluded, -math.inf)
    excluded[0], excluded[:, 0] = -math.inf, -math.inf
    excluded[0, 0] = 0.0
    mean = np.full(n_views, 1.0 / ((n_views - 1) * math.log(n_views - 1)))
    mean[0] = 0.0
    arrays = excluded, mean, np.ones(n_views)
    return tuple(torch.from_numpy(array).to(device, dtype) for array in arrays)


class _ContrastiveLosses(torch.autograd.Function):
    """Forward and backward by hand: autograd's own takes twice the time.

    The matrices of products of all views of a row are small: normalising them is less work than
    normalising the views.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(views: Tensor, temperature: float) -> tuple[Tensor, ...]:
        return _contrast(_side_by_side(views), temperature)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Any, ...]) -> None:
        views, ctx.temperature = inputs
        ctx.mark_non_differentiable(*output[2:])
        ctx.save_for_backward(views, *output[2:])

    @staticmethod
    def backward(ctx: Any, grad_n: Tensor, grad_a: Tensor, *_: Any) -> Any:
        views, *saved = ctx.saved_tensors
        rows = _side_by_side(views)
        if torch.is_grad_enabled():
            # So torch refuses second derivatives; without their history, they would be wrong.
            saved = list(_contrast(rows, ctx.temperature)[2:])
        grad = _contrast_gradient(rows, ctx.temperature, saved, grad_n, grad_a)
        return grad.view(*views.shape[1:-1], *grad.shape[1:]).movedim(-2, 0), None


def _side_by_side(views: Tensor) -> Tensor:
    """Turn views (K + 1, ..., e) into (n, K + 1, e)."""
    return views.movedim(0, -2).reshape(-1, len(views), views.shape[-1])


# torch looks the signature up at every call, which costs as much as several operations do.
for function in (_ContrastiveLosses, _MatchingLosses, _UnitVectors):
    forward: Any = function.forward
    forward.__signature__ = inspect.signature(forward)
