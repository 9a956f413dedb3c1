"""A wide residual network without statistics over the batch."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

# Channels normalised together. Every layer's width is a multiple of it, and a group is large enough
# to hold information even where an image has shrunk to one pixel.
_GROUP = 16


class WideResNet(nn.Module):
    """Pre-activation Wide-ResNet of Zagoruyko and Komodakis, with group normalisation.

    A row's losses must not depend on the other rows of its batch, which may be anomalies. So each
    image is normalised by itself, and there are no running statistics.
    The network is that of [1]_, the normalisation that of [2]_.

    Parameters
    ----------
    n_channels : int
        Channels of the images, which may have any size, down to one pixel.
    depth : int
        Number of layers with weights, 6 n + 4 for n blocks of two convolutions in each of the
        three groups.
    width : int
        Factor k of the groups' numbers of channels, 16 k, 32 k and 64 k.
    dropout : float
        Share of values set to zero between the two convolutions of a block.

    References
    ----------
    .. [1] S. Zagoruyko, N. Komodakis (2016). Wide Residual Networks. BMVC. arXiv:1605.07146.
    .. [2] Y. Wu, K. He (2018). Group Normalization. ECCV. arXiv:1803.08494.

    Examples
    --------
    >>> import torch
    >>> from lofe_sklearn.backbones._wide_resnet import WideResNet
    >>> network = WideResNet(3, depth=10, width=2, dropout=0.0)
    >>> network(torch.zeros(5, 3, 32, 32)).shape
    torch.Size([5, 128])
    """

    def __init__(self, n_channels: int, *, depth: int, width: int, dropout: float) -> None:
        super().__init__()
        self.stem = _convolution(n_channels, 16)
        blocks, n_in = [], 16
        for n_out, stride in ((16 * width, 1), (32 * width, 2), (64 * width, 2)):
            for i in range((depth - 4) // 6):
                blocks.append(_Block(n_in, n_out, stride if i == 0 else 1, dropout))
                n_in = n_out
        self.blocks = nn.Sequential(*blocks)
        self.norm = _norm(n_in)
        self.n_outputs = n_in
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """Embed the images x, (b, c, h, w), as (b, 64 k)."""
        return F.relu(self.norm(self.blocks(self.stem(x)))).mean(dim=(2, 3))


class _Block(nn.Module):
    """Two convolutions, each after its normalisation, beside a shortcut."""

    def __init__(self, n_in: int, n_out: int, stride: int, dropout: float) -> None:
        super().__init__()
        self.norm_1, self.norm_2 = _norm(n_in), _norm(n_out)
        self.conv_1 = _convolution(n_in, n_out, stride)
        self.conv_2 = _convolution(n_out, n_out)
        same = n_in == n_out and stride == 1
        self.shortcut = None if same else nn.Conv2d(n_in, n_out, 1, stride, bias=False)
        self.dropout = nn.Dropout(dropout) if dropout > 0 else None

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(self.norm_1(x))
        shortcut = x if self.shortcut is None else self.shortcut(h)
        h = F.relu(self.norm_2(self.conv_1(h)))
        if self.dropout is not None:
            h = self.dropout(h)
        return shortcut + self.conv_2(h)


def _convolution(n_in: int, n_out: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(n_in, n_out, 3, stride, padding=1, bias=False)


def _norm(n_channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(n_channels // _GROUP, n_channels)
