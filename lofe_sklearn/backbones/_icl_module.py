"""The network of ICL: what its permutations see of a row, and both encoders of each."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lofe_sklearn.backbones._losses import matching_losses, unit_vectors

# Steps until the windows drawn come in the same order again.
SCHEDULE = 512


class ICLModule(nn.Module):
    """Two encoders for each permutation: one of windows, and one of the rest of the row.

    The P permutations of the features have networks of their own, all of which run as one.
    """

    step_counter = "n_steps"

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
        gains: Tensor,
        offsets: Tensor,
        mixed_scaling: bool,
        temperature: float,
    ) -> None:
        super().__init__()
        self.window_size, self.temperature = window_size, temperature
        self.mixed_scaling = mixed_scaling
        starts = window_starts(n_features, window_size, max_windows)
        self.step, self.n_windows = starts.step, len(starts)
        widest = max(n_features, *window_sizes, *rest_sizes)
        self.values_per_row = n_permutations * self.n_windows * widest
        self.n_drawn = self.n_windows
        if windows_per_step is not None:
            self.n_drawn = min(math.ceil(windows_per_step / n_permutations), self.n_windows)

        permutations = [torch.randperm(n_features) for _ in range(n_permutations - 1)]
        self.register_buffer("order", torch.stack([torch.arange(n_features), *permutations]))
        spread = gains.unsqueeze(1)
        gain = torch.exp(spread * torch.randn(n_permutations, n_features))
        signs = torch.where(spread > 0, torch.randn_like(gain).sign(), 1.0)
        self.register_buffer("gain", gain * signs)
        shift = offsets.unsqueeze(1)
        self.register_buffer("offset", shift * torch.randn_like(gain))
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

    def prepare(self, x: Tensor) -> None:
        """Let every second permutation see each feature of the rows x with a range of 1."""
        if not self.mixed_scaling:
            return
        low, high = x.amin(dim=0), x.amax(dim=0)
        spread = high - low
        largest = torch.maximum(low.abs(), high.abs())
        spread[spread <= torch.finfo(x.dtype).eps * largest] = 1.0  # constant, up to rounding
        order = self.order[1::2]
        self.gain[1::2] /= spread[order]
        self.offset[1::2] -= low[order] * self.gain[1::2]

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


def window_starts(n_features: int, window_size: int, max_windows: int) -> range:
    """First features of the windows of a row, evenly spaced."""
    n_possible = n_features - window_size + 1
    return range(0, n_possible, math.ceil(n_possible / max_windows))
