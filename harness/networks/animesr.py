"""AnimeSR: Learning Real-World Super-Resolution Models for Animation Videos (Wu et al., NeurIPS
2022).

Parameters are named as in the authors' public code (``MSRSWVSR``), so that their weights load.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmagic.models.archs import ResidualBlockNoBN
from mmagic.registry import MODELS
from torch import Tensor, nn

from harness.networks.look_ahead import beside, frame_before, neighbour_shapes
from harness.networks.recurrent import State, StateShapes
from harness.networks.unidirectional import UnidirectionalNet
from harness.networks.upsample import bilinear

WINDOW, SR = 3 * 3, 3 * 16  # channels of three RGB frames, and of one SR frame at LR size
SCALES = 4  # the coarsest features have 1/4 of the frame's size


def _conv(in_channels: int, out_channels: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, 3, stride, 1)


def _conv_lrelu(in_channels: int, out_channels: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(_conv(in_channels, out_channels, stride), nn.LeakyReLU(0.1, inplace=True))


def _blocks(channels: int, count: int) -> nn.ModuleList:
    return nn.ModuleList(ResidualBlockNoBN(channels) for _ in range(count))


def _enlarge(x: Tensor, factor: int) -> Tensor:
    return F.interpolate(x, scale_factor=factor, mode='bilinear', align_corners=False)


class _MultiScaleCell(nn.Module):
    """Residual blocks at the frame's size, at half and at a quarter of it, that end together.

    Each block of a finer scale also reads the coarser features, once those have passed through a
    block of their own.
    """

    def __init__(
        self, in_channels: int, channels: int, out_channels: int, num_blocks: Sequence[int]
    ) -> None:
        super().__init__()
        self.conv_s1_first = _conv_lrelu(in_channels, channels)
        self.conv_s2_first = _conv_lrelu(channels, channels, stride=2)
        self.conv_s4_first = _conv_lrelu(channels, channels, stride=2)
        self.body_s1_first = _blocks(channels, num_blocks[0])
        self.body_s2_first = _blocks(channels, num_blocks[1])
        self.body_s4_first = _blocks(channels, num_blocks[2])
        self.fusion = nn.Sequential(
            *_conv_lrelu(3 * channels, 2 * out_channels), _conv(2 * out_channels, out_channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, H, W) -> (B, out_channels, H, W), with H and W divisible by 4."""
        feats = [self.conv_s1_first(x)]
        feats.append(self.conv_s2_first(feats[0]))
        feats.append(self.conv_s4_first(feats[1]))
        bodies = self.body_s1_first, self.body_s2_first, self.body_s4_first
        starts = [len(bodies[0]) - len(body) for body in bodies]
        for step in range(len(bodies[0])):
            # the finest scale first: it reads the coarser features of the previous step
            for scale, (body, start) in enumerate(zip(bodies, starts, strict=True)):
                if step >= start:
                    ready = [s for s in range(scale + 1, 3) if step > starts[s]]
                    coarser = (_enlarge(feats[s], 2 ** (s - scale)) for s in ready)
                    feats[scale] = body[step - start](sum(coarser, feats[scale]))
        return self.fusion(torch.cat([feats[0], _enlarge(feats[1], 2), _enlarge(feats[2], 4)], 1))


@MODELS.register_module()
class AnimeSRNet(UnidirectionalNet):
    """AnimeSR's network, RLSP with features at three scales: 1,495,376 parameters.

    It reads the LR frames t-1, t and t+1, the previous SR frame in space-to-depth layout and hidden
    features; its output is added to the bilinearly upsampled LR frame. At the ends of a video the
    first or last frame is repeated.

    The forward state is ``hidden`` (mid_channels, H', W'), ``sr``, the previous SR frame
    (3, 4H', 4W'), and the previous LR frame; the backward state is the next LR frame
    (``look_ahead.py``). H' and W' are H and W rounded up to multiples of 4; frames are padded to
    that size by replicating their border. (The authors crop frames instead; both agree for sizes
    divisible by 4.)

    Args:
        mid_channels: Width of the convolutions and of the hidden state.
        num_blocks: Residual blocks at the frame's size, at half and at a quarter of it, in
            non-increasing order.
        cond_channels: Constant planes of the current frame concatenated to the cell's input (see
            :class:`FrameConditioned`).
    """

    look_ahead = 1

    def __init__(
        self,
        mid_channels: int = 64,
        num_blocks: tuple[int, int, int] = (5, 3, 2),
        cond_channels: int = 0,
    ) -> None:
        super().__init__()
        self.mid_channels = mid_channels
        self.recurrent_cell = _MultiScaleCell(
            WINDOW + SR + mid_channels + cond_channels, mid_channels, SR + mid_channels, num_blocks
        )

    def state_shapes(self, height: int, width: int) -> tuple[StateShapes, StateShapes]:
        neighbour = neighbour_shapes(height, width)
        height, width = height + -height % SCALES, width + -width % SCALES
        memory = {
            'hidden': (self.mid_channels, height, width),
            'sr': (3, 4 * height, 4 * width),
        }
        return {**memory, **neighbour}, neighbour

    def prepare(
        self, lrs: Tensor, state: State | None, following: Tensor | None
    ) -> tuple[Tensor, ...]:
        """The padded frames t-1, t, t+1 for each t, (B, T, 9, H', W')."""
        assert following is not None
        previous = torch.cat([frame_before(lrs, state)[:, None], lrs[:, :-1]], 1)
        windows = torch.cat([previous, lrs, following], 2)
        height, width = lrs.shape[-2:]
        pad = (0, -width % SCALES, 0, -height % SCALES)
        padded = F.pad(windows.flatten(0, 1), pad, 'replicate')
        return (padded.unflatten(0, lrs.shape[:2]),)

    def step(
        self, lr: Tensor, prepared: tuple[Tensor, ...], state: State, cond: Tensor | None
    ) -> tuple[Tensor, State]:
        (window,) = prepared
        inputs = [window, F.pixel_unshuffle(state['sr'], 4), state['hidden']]
        if cond is not None:
            inputs.append(cond.expand(-1, -1, *window.shape[-2:]))
        out = self.recurrent_cell(torch.cat(inputs, 1))
        sr = F.pixel_shuffle(out[:, :SR], 4) + bilinear(window[:, 3:6])
        after = {'hidden': F.leaky_relu(out[:, SR:], 0.1), 'sr': sr, **beside(lr)}
        height, width = lr.shape[-2:]
        return sr[..., : 4 * height, : 4 * width], after
