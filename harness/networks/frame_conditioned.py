"""Frame-number conditioning (FC), PI-BPTT paper, Sec. IV-B."""

import inspect

import torch
from mmagic.registry import MODELS
from torch import Tensor

from harness.errors import UserError, fail
from harness.networks.recurrent import RecurrentNet, State, States, StateShapes, Sweep, Unrolled


@MODELS.register_module()
class FrameConditioned(RecurrentNet):
    """Tells a recurrent network the number of each frame through an additional constant plane.

    The plane's value is the 0-based frame number / ``last_frame``, clamped to 1, so that it lies in
    [0, 1] like the LR frames. It is concatenated to the LR frame wherever that enters the
    recurrence, but not at the flow network or the skip connection.

    Frame numbers go with states: if you reset the state of a stream, count from frame 0 again, and
    treat each piece between resets as a video of its own. With ``last_frame`` given, the length of
    a video need not be known: all frames beyond ``last_frame`` have the value 1.

    Args:
        net: Config of a network that takes ``cond_channels``.
        last_frame: Number of the last frame of the (longest) training video, T - 1. None: use each
            video's own last frame, so that its planes run from 0 to 1 whatever its length.
        direction_aware: The backward recurrence counts from the video's end, where it starts,
            so that 0 marks a fresh state in both directions. For bidirectional networks.

    With ``last_frame=None`` or ``direction_aware`` the length of the video must be known.

    Raises:
        UserError: The network has no recurrence that the plane could enter, or no backward one.
        ValueError: ``last_frame`` is below 1.
    """

    def __init__(self, net: dict, last_frame: int | None, direction_aware: bool = False) -> None:
        super().__init__()
        if last_frame is not None and last_frame < 1:
            raise ValueError(
                f'last_frame must be the number of the last frame of a video (1 or more), '
                f'got {last_frame}'
            )
        network = MODELS.get(net['type'])
        if network and 'cond_channels' not in inspect.signature(network).parameters:
            fail(
                f'{net["type"]} has no recurrence, which frame-number conditioning (FC) needs; '
                'train this network without FC'
            )
        self.net = MODELS.build(dict(net, cond_channels=1))
        self.bidirectional = self.net.bidirectional
        self.look_ahead = self.net.look_ahead
        self.has_states = self.net.has_states
        self.last_frame = last_frame
        self.direction_aware = direction_aware
        if direction_aware and not self.bidirectional:
            fail(f'direction_aware: {type(self.net).__name__} has no backward branch')

    def state_shapes(self, height: int, width: int) -> tuple[StateShapes, StateShapes]:
        return self.net.state_shapes(height, width)

    def condition(
        self, lrs: Tensor, start: int | Tensor, length: int | Tensor | None = None
    ) -> Tensor:
        """Frame numbers (B, T, 1 or 2, 1, 1) in [0, 1] of a clip whose first frame is ``start``.

        Direction-aware conditioning has two planes, one for the forward and one for the backward
        recurrence.

        Raises:
            UserError: The length of the video is needed but unknown.
        """
        start = _column(start, lrs)
        numbers = start + torch.arange(lrs.size(1), device=lrs.device)
        counts = [numbers]
        last: int | Tensor | None = self.last_frame
        if last is None or self.direction_aware:
            if length is None:
                raise UserError(
                    'FrameConditioned with last_frame=None or direction_aware=True needs the '
                    'length of the video; it cannot process a stream of unknown length'
                )
            end = _column(length, lrs) - 1
            if self.direction_aware:
                counts.append(end - numbers)
            if last is None:
                last = end.clamp(min=1)[..., None]
        planes = torch.stack(counts, 2).to(lrs.dtype) / last
        return planes.clamp(0, 1)[..., None, None]

    def unroll(
        self, lrs: Tensor, states: States | None = None, cond: Tensor | None = None
    ) -> Unrolled:
        return self.net.unroll(lrs, states, cond)

    def further_targets(self, gts: Tensor) -> dict[str, Tensor]:
        return self.net.further_targets(gts)

    def sweeps(self) -> list[Sweep]:
        return self.net.sweeps()

    def following(self, lrs: Tensor) -> State | None:
        return self.net.following(lrs)

    def states_at(
        self,
        lrs: Tensor,
        starts: Tensor,
        ends: Tensor,
        cond: Tensor | None = None,
        lengths: Tensor | None = None,
        initial: States | None = None,
    ) -> States:
        return self.net.states_at(lrs, starts, ends, cond, lengths, initial)


def _column(numbers: int | Tensor, lrs: Tensor) -> Tensor:
    """(B, 1) from one number for all clips or one number per clip."""
    if isinstance(numbers, int):  # made on the device, not copied there
        return torch.full((len(lrs), 1), numbers, device=lrs.device)
    return torch.as_tensor(numbers, device=lrs.device).expand(len(lrs))[:, None]
