"""The two losses in numerically exact form, shared by the backbones.

For a probability C that a view or a row is recognised as normal, L_n = -log C and
L_a = -log(1 - C). Both are computed from logits or exponents, never from C itself, so that neither
overflows, turns NaN or loses its gradient where C is close to 0 or to 1.
"""

from __future__ import annotations

import inspect
import math

import torch
from torch import Tensor
from torch.nn import functional as F

# exp(-energy) is 1 at energy 0, where -log(1 - 1) would be infinite; a row that a network fits
# perfectly is not infinitely far from being an anomaly.
_SMALLEST_ENERGY = 1e-6


def energy_losses(energy: Tensor) -> tuple[Tensor, Tensor]:
    """L_n = energy and L_a = -log(1 - exp(-energy)) for energies >= 0 of any shape.

    The hypersphere classifier of Ruff et al. 2020 with its radial distance as the energy; for an
    autoencoder the reconstruction error is one.
    """
    energy_a = energy + _SMALLEST_ENERGY
    # Two forms of one function, each exact on its own side of log 2 (Maechler 2012, log1mexp).
    # Where the other side is chosen the argument is replaced, so that its gradient stays finite.
    small = energy_a < math.log(2)
    near = -torch.log(-torch.expm1(-torch.where(small, energy_a, math.log(2))))
    far = -torch.log1p(-torch.exp(-torch.where(small, math.log(2), energy_a)))
    return energy, torch.where(small, near, far)


def contrastive_losses(views: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Deterministic contrastive losses of K transformed views against the untransformed one.

    For view k, ``C_k`` is the softmax weight of the pair (k, 0) among all pairs (k, l), l != k,
    with cosine similarity over `temperature`. With the logit

        u_k = s(k, 0) - logsumexp_{l not in {0, k}} s(k, l),

    ``-log C_k = softplus(-u_k)`` and ``-log(1 - C_k) = softplus(u_k)``, exactly. Both are averaged
    over k and divided by log K (Qiu et al., ICML 2021, equation 2; ICML 2022).

    Parameters
    ----------
    views : Tensor of shape (K + 1, b, e)
        Embeddings; ``views[0]`` is the untransformed view.
    temperature : float

    Returns
    -------
    loss_n, loss_a : Tensor of shape (b,)
    """
    return _ContrastiveLosses.apply(views, temperature)[:2]


class _ContrastiveLosses(torch.autograd.Function):
    """Forward and backward by hand: autograd's own takes twice the time.

    It would hand permuted gradients to bmm, which then multiplies one small matrix at a time. Here
    the rows of the batch are the last, contiguous axis of everything but the two products.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(views: Tensor, temperature: float) -> tuple[Tensor, ...]:
        n_transforms = views.shape[0] - 1
        # Vectors of length temperature ** -0.5, whose products are the similarities wanted. Where
        # a view is zero and has no direction, the similarity is 0 and so is the gradient.
        # A clone, as contiguous() would return the input itself where b is 1.
        unit = views.transpose(0, 1).clone(memory_format=torch.contiguous_format)  # (b, K + 1, e)
        factor = unit.square().sum(-1, keepdim=True).add_(1e-30).rsqrt_().mul_(temperature**-0.5)
        unit.mul_(factor)
        similarity = torch.bmm(unit[:, 1:], unit.transpose(1, 2))
        similarity = similarity.permute(1, 2, 0).contiguous()  # (K, K + 1, b)

        positive = similarity[:, 0].clone()
        similarity[:, 0] = -math.inf
        similarity.diagonal(1, 0, 1).fill_(-math.inf)
        largest = similarity.amax(dim=1, keepdim=True)
        share = similarity.sub_(largest).exp_()  # of each l in the logsumexp
        total = share.sum(dim=1, keepdim=True)
        share.div_(total)
        logit = positive.sub_(total.log_().add_(largest).squeeze(1))  # (K, b)

        scale = 1.0 / math.log(n_transforms)
        loss_n = F.softplus(-logit).mean(dim=0).mul_(scale)
        loss_a = F.softplus(logit).mean(dim=0).mul_(scale)
        return loss_n, loss_a, unit, factor, share, logit

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.temperature = inputs[1]
        ctx.mark_non_differentiable(*output[2:])
        ctx.save_for_backward(*output[2:])
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx, grad_n, grad_a, *_):
        unit, factor, share, logit = ctx.saved_tensors
        n_transforms = share.shape[0]
        grad_n, grad_a = (0.0 if grad is None else grad for grad in (grad_n, grad_a))
        # d softplus(-u) / du = sigmoid(u) - 1 and d softplus(u) / du = sigmoid(u), (K, b).
        grad_logit = torch.sigmoid(logit) * (grad_n + grad_a) - grad_n
        grad_logit *= 1.0 / (n_transforms * math.log(n_transforms))
        grad_similarity = share * -grad_logit.unsqueeze(1)
        grad_similarity[:, 0] = grad_logit
        grad_similarity = grad_similarity.permute(2, 0, 1).contiguous()  # (b, K, K + 1)

        grad_unit = torch.bmm(grad_similarity.transpose(1, 2), unit[:, 1:])
        grad_unit[:, 1:] += torch.bmm(grad_similarity, unit)
        # Back through the normalisation: what points along the vector itself is lost.
        along = (unit * grad_unit).sum(-1, keepdim=True).mul_(ctx.temperature)
        return grad_unit.sub_(unit * along).mul_(factor).transpose(0, 1), None


# torch looks the signature up at every call, which costs as much as several operations do.
_ContrastiveLosses.forward.__signature__ = inspect.signature(_ContrastiveLosses.forward)  # type: ignore[attr-defined]
