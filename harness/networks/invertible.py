"""RISTN's spatial component: residual invertible blocks (Zhu et al., AAAI 2019).

Shapes: B batch, C channels, H x W LR size.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def bn_relu(channels: int) -> list[nn.Module]:
    """Batch norm and ReLU."""
    return [nn.BatchNorm2d(channels), nn.ReLU(inplace=True)]


def _bottleneck(channels: int, activate: bool) -> nn.Sequential:
    """The convolutional bottleneck F of Eq. 2, of three 3x3 convolutions.

    The paper does not state its width; in the published code it is a third of the input's.
    ``activate`` puts batch norm and ReLU first, for bottlenecks that follow another one.
    """
    hidden = channels // 3
    return nn.Sequential(
        *(bn_relu(channels) if activate else []),
        nn.Conv2d(channels, hidden, 3, padding=1, bias=False),
        *bn_relu(hidden),
        nn.Conv2d(hidden, hidden, 3, padding=1, bias=False),
        *bn_relu(hidden),
        nn.Conv2d(hidden, channels, 3, padding=1, bias=False),
    )


class InvertibleBlock(nn.Module):
    """IB: bottlenecks with additive coupling (Eqs. 2 to 4), which lose no information.

    Each bottleneck reads one half of the channels and adds to the other. The halves are then
    swapped, as in the published code; the equations omit the swap, but without it one half would
    never change.

    Args:
        channels: C of input and output, even.
        bottlenecks: Number of bottlenecks.
    """

    def __init__(self, channels: int, bottlenecks: int) -> None:
        super().__init__()
        self.bottlenecks = nn.ModuleList(
            _bottleneck(channels // 2, activate=i > 0) for i in range(bottlenecks)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        first, second = x.chunk(2, 1)
        for bottleneck in self.bottlenecks:
            first, second = second, first + bottleneck(second)
        return torch.cat([first, second], 1)

    def inverse(self, y: Tensor) -> Tensor:
        """The input (B, C, H, W) for the output ``y``; in eval mode only.

        Single precision suffices unless the input has channels that are always zero, as in RISTN's
        first stage: batch norm, whose running variance is then zero, multiplies rounding errors by
        hundreds in each layer. With double precision errors are about 1e-8.
        """
        first, second = y.chunk(2, 1)
        for bottleneck in reversed(self.bottlenecks):
            first, second = second - bottleneck(first), first
        return torch.cat([first, second], 1)


class ResidualInvertibleBlock(nn.Module):
    """RIB: an invertible block with a residual connection (Eq. 5); arguments as for the block."""

    def __init__(self, channels: int, bottlenecks: int) -> None:
        super().__init__()
        self.invertible = InvertibleBlock(channels, bottlenecks)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        return x + self.invertible(x)


class _ResidualBlock(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.BatchNorm2d(channels),
            nn.PReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class ResidualBlocks(nn.Sequential):
    """RB: residual connections without invertible structure.

    The paper gives no details. The published code contains an unused residual block (two full-width
    3x3 convolutions with batch norm, PReLU between them), which replaces each bottleneck here.
    Arguments as for :class:`InvertibleBlock`.
    """

    def __init__(self, channels: int, bottlenecks: int) -> None:
        super().__init__(*(_ResidualBlock(channels) for _ in range(bottlenecks)))


#: name -> class, Table 1
BLOCKS = {'RIB': ResidualInvertibleBlock, 'IB': InvertibleBlock, 'RB': ResidualBlocks}


class SpatialComponent(nn.Module):
    """Features of single frames: parallel branches of blocks, concatenated after each stage.

    RGB is padded with zero channels; every stage doubles the channels. The published code has only
    one branch in the first stage and concatenates its input; here there are two, as in the paper.
    In both, the very first bottlenecks read the half that is padding and have no effect.

    Args:
        block: ``'RIB'``, ``'IB'`` or ``'RB'`` (Table 1).
        bottlenecks: For each of the two branches, the number of bottlenecks of its blocks, stage by
            stage.
        channels: Number of channels to which RGB is padded.
    """

    def __init__(
        self, block: str, bottlenecks: Sequence[Sequence[int]], channels: int = 16
    ) -> None:
        super().__init__()
        self.channels = channels
        self.stages = nn.ModuleList(
            nn.ModuleList(BLOCKS[block](channels << stage, count) for count in counts)
            for stage, counts in enumerate(zip(*bottlenecks, strict=True))
        )
        self.out_channels = channels << len(self.stages)

    def forward(self, frames: Tensor) -> Tensor:
        """Frames (B, 3, H, W) in [0, 1] -> features (B, out_channels, H, W)."""
        x = F.pad(frames, (0, 0, 0, 0, 0, self.channels - frames.size(1)))
        for branches in self.stages:
            assert isinstance(branches, nn.ModuleList)
            x = torch.cat([branch(x) for branch in branches], 1)
        return x
