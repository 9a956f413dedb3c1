"""The network of MHRot: views in, the two losses out."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lofe_sklearn.backbones._views import view_maps, view_schedule
from lofe_sklearn.backbones._wide_resnet import WideResNet

# Values of the widest layer that are scored at once: rows are taken together as long as a block
# stays cheap to fill up, and views are taken apart where it would be large.
_FILL = {"cpu": 2**16}
_FILL_ON_ACCELERATORS = 2**26
_LARGEST_BLOCK = 2**23


class MHRotModule(nn.Module):
    """A network that tells which transformations made a view, with one head for each of them.

    Parameters
    ----------
    n_features : int
        Values of a row; if an image needs more, they are filled with the mean.
    image_shape : tuple of three ints
        Channels, height and width; of square images.
    depth, width, dropout
        Of the `WideResNet`.
    flips, n_views, anomaly_weight
        As in `MHRot`.
    """

    # Every block that is scored has one shape, so a row's score does not depend on the others even
    # in single precision, and convolutions in double precision take five to ten times as long.
    scoring_dtype = torch.float32
    step_counter = "step"

    maps: Tensor
    targets: Tensor
    uniform: Tensor
    schedule: Tensor
    shift: Tensor
    factor: Tensor

    def __init__(
        self,
        n_features: int,
        *,
        image_shape: tuple[int, int, int],
        depth: int,
        width: int,
        dropout: float,
        flips: bool,
        n_views: int | None,
        anomaly_weight: float,
    ) -> None:
        super().__init__()
        self.image_shape = image_shape
        n_channels, side, _ = image_shape
        self.network = WideResNet(n_channels, depth=depth, width=width, dropout=dropout)
        maps, labels, self.sizes = view_maps(side, flips=flips)
        self.heads = nn.Linear(self.network.n_outputs, sum(self.sizes))

        # Maps of all channels, as rows hold one channel after the other.
        channels = torch.arange(n_channels, device=maps.device)[:, None] * side * side
        self.register_buffer("maps", (maps[:, None] + channels).flatten(1))
        targets = [F.one_hot(label, n) for label, n in zip(labels.T, self.sizes, strict=True)]
        self.register_buffer("targets", torch.cat(targets, dim=1).float())
        uniform = torch.cat([torch.full((n,), anomaly_weight / n) for n in self.sizes])
        self.register_buffer("uniform", uniform)
        self.register_buffer("shift", torch.zeros(n_features))
        self.register_buffer("factor", torch.ones(n_features))

        # Which views a step uses is drawn here, where the seed is set, and counted in Python: the
        # models of a stack are called as one, and their forward must not draw or branch.
        self.all_views = n_views is None
        schedule = torch.zeros(1, 0, dtype=torch.long)
        if n_views is not None:
            schedule = view_schedule(len(maps), n_views)
        self.register_buffer("schedule", schedule)
        self.step = 0
        self.values_per_image = 16 * width * side * side

    def prepare(self, x: Tensor) -> None:
        """Standardise each channel as it is in the rows x."""
        n_channels = self.image_shape[0]
        pixels = x.cpu().double().view(len(x), n_channels, -1)
        spread, mean = torch.std_mean(pixels, dim=(0, 2), correction=0)
        # The rounding error of a mean is not a spread: a constant channel has none.
        constant = spread <= 10 * torch.finfo(torch.float32).eps * mean.abs()
        factor = torch.where(constant, 1.0, 1.0 / spread)
        for buffer, value in ((self.shift, mean), (self.factor, factor)):
            buffer.copy_(value.repeat_interleave(pixels.shape[2]))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Both losses of the rows x, (b, c * h * w); in training, over the step's views."""
        x = self._standardised(x)
        if not self.training:
            return self._score(x)
        maps, targets = self.maps, self.targets
        if not self.all_views:
            views = self.schedule[self.step % len(self.schedule)]
            maps, targets = maps[views], targets[views]
        loss_n, loss_a = self._losses(x, maps, targets)
        # Counted last, so that a repeated call after a failure does not count twice. Calls that
        # only infer labels do not count, since only some models of a stack may make them.
        self.step += torch.is_grad_enabled()
        return loss_n.mean(dim=1), loss_a.mean(dim=1)

    def embed(self, x: Tensor) -> Tensor:
        """Embedding of the images as they are: (b, e)."""
        return self.network(self._standardised(x).view(x.shape[0], *self.image_shape))

    def _standardised(self, x: Tensor) -> Tensor:
        """Standardise the channels of the rows x; missing pixels become the mean."""
        x = (x - self.shift) * self.factor
        return F.pad(x, (0, self.maps.shape[1] - x.shape[1]))

    def views(self, x: Tensor, maps: Tensor) -> Tensor:
        """Transform the rows x, (b, d), by k maps: images (b * k, c, h, w)."""
        views = x.index_select(1, maps.flatten())
        return views.view(x.shape[0] * maps.shape[0], *self.image_shape)

    def _losses(self, x: Tensor, maps: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Both losses of k views of the rows x, (b, k) each."""
        logits = self.heads(self.network(self.views(x, maps)))
        heads = logits.view(x.shape[0], maps.shape[0], -1).split(self.sizes, dim=-1)
        log_p = torch.cat([head.log_softmax(dim=-1) for head in heads], dim=-1)
        loss_n = -(log_p * targets).sum(dim=-1) / len(self.sizes)
        return loss_n, -(log_p * self.uniform).sum(dim=-1) / len(self.sizes)

    def _score(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Both losses over all views, in blocks of one size so that memory is bounded."""
        if torch.compiler.is_compiling():  # a recorded graph is for any number of rows
            loss_n, loss_a = self._losses(x, self.maps, self.targets)
            return loss_n.mean(dim=1), loss_a.mean(dim=1)
        n_views = len(self.maps)
        fill = _FILL.get(x.device.type, _FILL_ON_ACCELERATORS)
        row_block = max(1, fill // (n_views * self.values_per_image))
        view_block = max(1, _LARGEST_BLOCK // self.values_per_image)
        sums = []
        for rows in x.split(row_block):
            full = F.pad(rows, (0, 0, 0, row_block - len(rows)))
            both = x.new_zeros(2, row_block)
            for views in torch.arange(n_views, device=x.device).split(view_block):
                losses = self._losses(full, self.maps[views], self.targets[views])
                both = both + torch.stack(losses).sum(dim=2)
            sums.append(both[:, : len(rows)])
        loss_n, loss_a = torch.cat(sums, dim=1) / n_views
        return loss_n, loss_a
