"""What RRN and RSDN have in common: they read the current LR frame and the one before it."""

import torch
from torch import Tensor, nn

from harness.networks.look_ahead import State, frame_before, neighbour_shapes
from harness.networks.recurrent import StateShapes
from harness.networks.unidirectional import UnidirectionalNet


def small_conv(in_channels: int, out_channels: int) -> nn.Conv2d:
    """A 3x3 convolution with a tenth of He et al.'s normal weights (fan in) and zero biases."""
    conv = nn.Conv2d(in_channels, out_channels, 3, padding=1)
    nn.init.kaiming_normal_(conv.weight)
    conv.weight.data.mul_(0.1)
    nn.init.zeros_(conv.bias)
    return conv


class TwoFrameNet(UnidirectionalNet):
    """A network that reads the LR frames t-1 and t, as RRN and RSDN do.

    Args:
        mirror_start: what the first frame of a video, which has none before it, reads in its place.
            True: the second frame, as in both methods' public code. False: itself; then the network
            reads no frame ahead.
    """

    def __init__(self, mirror_start: bool) -> None:
        super().__init__()
        self.look_ahead = int(mirror_start)

    def previous_frames(self, lrs: Tensor, state: State | None, following: Tensor | None) -> Tensor:
        """The frame before each of the clip ``lrs``, (B, T, 3, H, W)."""
        first = frame_before(lrs, state)
        if self.look_ahead:
            known = lrs.new_zeros(len(lrs), 1) if state is None else state['known']
            first = torch.where(known.bool()[..., None, None], first, following[:, 0])
        return torch.cat([first[:, None], lrs[:, :-1]], 1)

    def with_neighbours(
        self, memory: StateShapes, height: int, width: int
    ) -> tuple[StateShapes, StateShapes]:
        """Shapes of the forward and the backward state of a network that remembers ``memory``."""
        neighbour = neighbour_shapes(height, width)
        return {**memory, **neighbour}, neighbour if self.look_ahead else {}
