"""Common base of RRN and RSDN, which read the current LR frame and the one before it."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from harness.networks.look_ahead import State, frame_before, neighbour_shapes
from harness.networks.recurrent import StateShapes
from harness.networks.unidirectional import UnidirectionalNet


def small_conv(in_channels: int, out_channels: int) -> nn.Conv2d:
    """A 3x3 convolution with He et al.'s normal initialisation (fan-in) * 0.1 and zero biases."""
    conv = nn.Conv2d(in_channels, out_channels, 3, padding=1)
    nn.init.kaiming_normal_(conv.weight)
    conv.weight.data.mul_(0.1)
    assert conv.bias is not None
    nn.init.zeros_(conv.bias)
    return conv


class TwoFrameNet(UnidirectionalNet):
    """A network that reads the LR frames t-1 and t, as RRN and RSDN do.

    Args:
        mirror_start: What the first frame of a video reads instead of a previous frame. True: the
            second frame, as in both methods' public code. False: itself; the network then has no
            look-ahead.
    """

    def __init__(self, mirror_start: bool) -> None:
        super().__init__()
        self.look_ahead = int(mirror_start)

    def previous_frames(self, lrs: Tensor, state: State | None, following: Tensor | None) -> Tensor:
        """The frame before each frame of the clip ``lrs`` (B, T, 3, H, W)."""
        first = frame_before(lrs, state)
        if self.look_ahead:
            assert following is not None
            known = lrs.new_zeros(len(lrs), 1) if state is None else state['known']
            first = torch.where(known.bool()[..., None, None], first, following[:, 0])
        return torch.cat([first[:, None], lrs[:, :-1]], 1)

    def with_neighbours(
        self, memory: Mapping[str, tuple[int, ...]], height: int, width: int
    ) -> tuple[StateShapes, StateShapes]:
        """Shapes of the forward and the backward state of a network whose memory is ``memory``."""
        neighbour = neighbour_shapes(height, width)
        return {**memory, **neighbour}, neighbour if self.look_ahead else {}
