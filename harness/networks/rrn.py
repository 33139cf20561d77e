"""RRN: Revisiting Temporal Modeling for Video Super-resolution (Isobe et al., BMVC 2020).

Parameters are named as in the authors' public code, so that their weights load.
"""

import torch
import torch.nn.functional as F
from mmagic.models.archs import ResidualBlockNoBN
from mmagic.registry import MODELS
from torch import Tensor, nn

from harness.networks.look_ahead import State, beside
from harness.networks.recurrent import StateShapes
from harness.networks.two_frames import TwoFrameNet, small_conv
from harness.networks.upsample import bilinear

SR = 3 * 16  # channels of an SR frame at LR size


class _Cell(nn.Module):
    """All layers from the input at LR size to the next hidden state and output."""

    def __init__(self, in_channels: int, channels: int, num_blocks: int) -> None:
        super().__init__()
        self.conv_1 = small_conv(in_channels, channels)
        self.recon_trunk = nn.Sequential(*(ResidualBlockNoBN(channels) for _ in range(num_blocks)))
        self.conv_h = small_conv(channels, channels)
        self.conv_o = small_conv(channels, SR)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.recon_trunk(F.relu(self.conv_1(x)))
        return F.relu(self.conv_h(x)), self.conv_o(x)


@MODELS.register_module()
class RRNNet(TwoFrameNet):
    """RRN with 10 residual blocks (RRN-L): 3,364,400 parameters; 1,888,560 with 5 (RRN-S).

    It reads the LR frames t-1 and t, hidden features and the previous SR frame in space-to-depth
    layout; its output is added to the bilinearly upsampled LR frame.

    The forward state is ``hidden`` (mid_channels, H, W), ``sr``, the previous SR frame
    (3, 4H, 4W), and the previous LR frame. Only with ``mirror_start`` is there a backward state,
    the next LR frame (``look_ahead.py``), which only the first frame of a video needs.

    Args:
        mid_channels: Width of the convolutions and of the hidden state.
        num_blocks: Residual blocks.
        mirror_start: As in :class:`TwoFrameNet`.
        cond_channels: Constant planes of the current frame concatenated to the input (see
            :class:`FrameConditioned`).
    """

    def __init__(
        self,
        mid_channels: int = 128,
        num_blocks: int = 10,
        mirror_start: bool = True,
        cond_channels: int = 0,
    ) -> None:
        super().__init__(mirror_start)
        self.mid_channels = mid_channels
        self.neuro = _Cell(2 * 3 + mid_channels + SR + cond_channels, mid_channels, num_blocks)

    def state_shapes(self, height: int, width: int) -> tuple[StateShapes, StateShapes]:
        memory = {'hidden': (self.mid_channels, height, width), 'sr': (3, 4 * height, 4 * width)}
        return self.with_neighbours(memory, height, width)

    def prepare(
        self, lrs: Tensor, state: State | None, following: Tensor | None
    ) -> tuple[Tensor, ...]:
        return (self.previous_frames(lrs, state, following),)

    def step(
        self, lr: Tensor, prepared: tuple[Tensor, ...], state: State, cond: Tensor | None
    ) -> tuple[Tensor, State]:
        inputs = [*prepared, lr, state['hidden'], F.pixel_unshuffle(state['sr'], 4)]
        if cond is not None:
            inputs.append(cond.expand(-1, -1, *lr.shape[-2:]))
        hidden, detail = self.neuro(torch.cat(inputs, 1))
        sr = F.pixel_shuffle(detail, 4) + bilinear(lr)
        return sr, {'hidden': hidden, 'sr': sr, **beside(lr)}
