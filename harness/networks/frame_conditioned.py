"""Frame-number conditioning (FC), PI-BPTT paper, Sec. IV-B."""

from typing import Union

import torch
from mmagic.registry import MODELS
from torch import Tensor

from .recurrent import RecurrentNet


@MODELS.register_module()
class FrameConditioned(RecurrentNet):
    """Tells a recurrent network the number of each frame by one more constant input plane.

    The plane's value is the 0-based frame number / ``last_frame``, clamped to 1, so that it lies in
    [0, 1] like the LR frames; it is concatenated to the LR frame wherever that enters the
    recurrence, and goes neither to the flow network nor to the skip connection.

    Args:
        net: config of a network that takes ``cond_channels``.
        last_frame: number of the last frame of the (longest) training video, T - 1.
    """

    def __init__(self, net: dict, last_frame: int):
        super().__init__()
        if last_frame < 1:
            raise ValueError(f'last_frame is the last frame number of a video, got {last_frame}')
        self.net = MODELS.build(dict(net, cond_channels=1))
        self.bidirectional = self.net.bidirectional
        self.look_ahead = self.net.look_ahead
        self.last_frame = last_frame

    def state_shapes(self, height, width):
        return self.net.state_shapes(height, width)

    def condition(self, lrs: Tensor, start: Union[int, Tensor]) -> Tensor:
        """Frame numbers (B, T, 1, 1, 1) in [0, 1] of a clip whose first frame is ``start``."""
        batch, frames = lrs.shape[:2]
        start = torch.as_tensor(start, device=lrs.device).expand(batch)
        numbers = start[:, None] + torch.arange(frames, device=lrs.device)
        planes = (numbers.to(lrs.dtype) / self.last_frame).clamp(max=1)
        return planes.view(batch, frames, 1, 1, 1)

    def unroll(self, lrs, states=None, cond=None):
        return self.net.unroll(lrs, states, cond)

    def states_at(self, lrs, starts, ends, cond=None, lengths=None, initial=None):
        return self.net.states_at(lrs, starts, ends, cond, lengths, initial)
