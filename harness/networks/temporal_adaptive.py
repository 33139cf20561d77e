"""Liu et al.'s temporal adaptive network: Learning Temporal Dynamics for Video Super-Resolution
(IEEE TIP 2018), first published as Robust Video Super-Resolution with Learned Temporal Dynamics
(ICCV 2017).

Known from reviews of the papers: branches of ESPCN (Shi et al., CVPR 2016), branch i on 2i-1
frames; a modulation branch of the same kind on all frames, which computes a weight map for each
branch; the output is the weighted sum. A spatial alignment network comes first. It estimates one
translation per patch with two convolutions with max-pooling and two fully connected layers, and
learns it from optical flow, averaged over the patch and rounded. Patches have 30x30 LR pixels; the
input is 5 frames. No public code is known. No source that we could read states the localisation
network's kernels and widths, the weight of its loss, or how frames larger than a patch are aligned:
here they are cut into patches, each of which moves as a whole. Working on luma is taken from ESPCN.
The papers train the branches separately first; here all parts are trained together.
"""

import torch
import torch.nn.functional as F
from mmagic.registry import MODELS
from torch import Tensor, nn

from harness.networks.flow import DISFlow
from harness.networks.frame_window import FrameWindowNet
from harness.networks.luma import luma, with_luma
from harness.networks.upsample import bicubic
from harness.networks.warp import warp


def _espcn(in_channels: int, maps: int) -> nn.Sequential:
    """Three convolutions (5x5, 3x3, 3x3) and a pixel shuffle: ``maps`` maps at x4."""
    return nn.Sequential(
        nn.Conv2d(in_channels, 64, 5, padding=2),
        nn.ReLU(inplace=True),
        nn.Conv2d(64, 32, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(32, 16 * maps, 3, padding=1),
        nn.PixelShuffle(4),
    )


class PatchAlignment(nn.Module):
    """Estimates one translation for each patch of a pair of frames.

    Args:
        patch: Side length of a patch in LR pixels. Frames are padded to multiples of it by
            replicating their border.
        channels: Channels of both convolutions.
    """

    def __init__(self, patch: int, channels: int = 32) -> None:
        super().__init__()
        self.patch = patch
        self.localise = nn.Sequential(
            nn.Conv2d(2, channels, 9, padding=4),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Conv2d(channels, channels, 9, padding=4),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(channels * (patch // 4) ** 2, 100),
            nn.ReLU(inplace=True),
            nn.Linear(100, 2),
        )
        last = self.localise[-1]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)  # no motion at first
        nn.init.zeros_(last.bias)

    def forward(self, reference: Tensor, neighbour: Tensor) -> Tensor:
        """(B, 1, H, W) pairs -> translations (B, 2, rows, columns) of patches, (x, y) in pixels."""
        patches = self.cut(torch.cat([reference, neighbour], 1))
        rows, columns = patches.shape[1:3]
        moves = self.localise(patches.flatten(0, 2))
        return moves.view(len(reference), rows, columns, 2).movedim(-1, 1)

    def cut(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> patches (B, rows, columns, C, patch, patch)."""
        pad = (0, -x.size(-1) % self.patch, 0, -x.size(-2) % self.patch)
        x = F.pad(x, pad, 'replicate')
        size = (-1, self.patch)
        return x.unflatten(3, size).unflatten(2, size).permute(0, 2, 4, 1, 3, 5)

    def flow(self, moves: Tensor, height: int, width: int) -> Tensor:
        """The flow (B, 2, H, W) that corresponds to the translations."""
        moves = moves.repeat_interleave(self.patch, 2).repeat_interleave(self.patch, 3)
        return moves[..., :height, :width]


@MODELS.register_module()
class TemporalAdaptiveNet(FrameWindowNet):
    """Branches on 1, 3 and 5 aligned frames, weighted pixel by pixel; works on luma.

    369,550 parameters, 245,294 of them in the alignment. Chroma is upsampled bicubically.

    Args:
        branches: Number of branches; the last one reads ``2 * branches - 1`` frames.
        patch: Side length of the alignment's patches in LR pixels.
        align_weight: Weight of the loss on the translations: their mean squared error, in pixels,
            relative to DIS flow averaged over each patch and rounded. In training only.
        degradation: Degradation of the LR frames, ``'bi'`` or ``'bd'``; see
            :func:`~.upsample.bicubic`.
    """

    def __init__(
        self,
        branches: int = 3,
        patch: int = 30,
        align_weight: float = 0.001,
        degradation: str = 'bi',
    ) -> None:
        super().__init__()
        self.radius = branches - 1
        self.align_weight = align_weight
        self.degradation = degradation
        self.alignment = PatchAlignment(patch)
        self.branches = nn.ModuleList(_espcn(2 * i + 1, 1) for i in range(branches))
        self.modulation = _espcn(2 * branches - 1, branches)
        self.flow_net = DISFlow()

    def super_resolve_centre(self, windows: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        height, width = windows.shape[-2:]
        centre = windows[:, self.radius]
        ys = list(luma(windows).unbind(1))
        losses = []
        for i in range(len(ys)):
            if i == self.radius:
                continue
            moves = self.alignment(luma(centre), ys[i])
            ys[i] = warp(ys[i], self.alignment.flow(moves, height, width))
            if self.training:
                rectified = self._rectified(centre, windows[:, i])
                losses.append(F.mse_loss(moves, rectified))
        y = self._estimate(torch.cat(ys, 1))
        loss = {'loss_align': self.align_weight * torch.stack(losses).mean()} if losses else {}
        return with_luma(bicubic(centre, self.degradation), y), loss

    def _estimate(self, ys: Tensor) -> Tensor:
        """Y (B, 1, 4H, 4W) from aligned frames (B, 2 * radius + 1, H, W)."""
        middle = self.radius
        estimates = [
            branch(ys[:, middle - i : middle + i + 1]) for i, branch in enumerate(self.branches)
        ]
        return (self.modulation(ys) * torch.cat(estimates, 1)).sum(1, keepdim=True)

    @torch.no_grad()
    def _rectified(self, reference: Tensor, neighbour: Tensor) -> Tensor:
        """Translations (B, 2, rows, columns): flow, averaged over patches and rounded."""
        flow = self.flow_net(reference, neighbour)
        return self.alignment.cut(flow).mean((-2, -1)).round().movedim(-1, 1)
