"""Inference in short overlapping windows, as RISTN's authors test their network."""

from collections.abc import Iterator
from typing import Any

import torch
from mmagic.registry import MODELS
from torch import Tensor

from harness.networks.recurrent import State, States, StateShapes, Unrolled
from harness.networks.wrapper import WrappingNet


@MODELS.register_module()
class WindowedInference(WrappingNet):
    """Super-resolves a video window by window in eval mode; in training it changes nothing.

    The published code of RISTN runs windows of 5 frames that begin at frames 0, 3, 6, ..., keeps
    the first 3 frames of each and starts each from the initial state. It drops the last frames of
    a video. Here the window that reaches the end of the video, which may be shorter, keeps all of
    its frames; a video shorter than a window is one window.

    Without gradients, memory holds one window and the SR frames only. Checkpoints of the wrapped
    network load as well as those of this wrapper.

    Args:
        net: Config of the network.
        window: Number of frames of a window.
        stride: Number of frames from the start of one window to the start of the next.
        carry: An extension, not in the paper: a window starts from the forward state that the
            previous window has at that boundary, instead of the initial state. The published code
            computes that state and discards it. Costs a second pass of the recurrence.
        cond_channels: Passed to the network.

    Raises:
        ValueError: The windows would skip frames.
    """

    bidirectional = True  # a window contains frames after the current one

    def __init__(
        self,
        net: dict,
        window: int = 5,
        stride: int = 3,
        carry: bool = False,
        cond_channels: int = 0,
    ) -> None:
        super().__init__()
        if not 1 <= stride <= window:
            raise ValueError(f'windows of {window} frames at a stride of {stride} skip frames')
        self.net = MODELS.build(dict(net, cond_channels=cond_channels) if cond_channels else net)
        self.window = window
        self.stride = stride
        self.carry = carry

    def state_shapes(self, height: int, width: int) -> tuple[StateShapes, StateShapes]:
        return self.net.state_shapes(height, width)

    def condition(self, *args: Any) -> Tensor | None:
        return self.net.condition(*args)

    def further_targets(self, gts: Tensor) -> dict[str, Tensor]:
        return self.net.further_targets(gts)

    def states_at(self, *args: Any, **kwargs: Any) -> States:
        """States of whole videos, as in the interface, not of windows."""
        return self.net.states_at(*args, **kwargs)

    def unroll(
        self, lrs: Tensor, states: States | None = None, cond: Tensor | None = None
    ) -> Unrolled:
        """As in the interface; ``states`` are before the first and after the last window."""
        if self.training:
            return self.net.unroll(lrs, states, cond)
        forward, backward = states or States()
        first_backward: State | None = None
        frames = []
        for window, kept in self._windows(lrs.size(1)):
            clip, clip_cond = lrs[:, window], None if cond is None else cond[:, window]
            last = window.stop == lrs.size(1)
            ends = States(forward, backward if last else None)
            unrolled = self.net.unroll(clip, ends, clip_cond)
            frames.append(unrolled.frames[:, :kept])
            if window.start == 0:
                first_backward = unrolled.states.backward
            if last:
                forward = unrolled.states.forward
            elif self.carry:
                forward = self._forward_state(clip, ends, clip_cond)
            else:
                forward = None
        return Unrolled(torch.cat(frames, 1), States(forward, first_backward))

    def _windows(self, frames: int) -> Iterator[tuple[slice, int]]:
        """The windows of a video and the number of their first frames to keep."""
        start = 0
        while start + self.window < frames:
            yield slice(start, start + self.window), self.stride
            start += self.stride
        yield slice(start, frames), frames - start

    def _forward_state(self, clip: Tensor, ends: States, cond: Tensor | None) -> State:
        """The forward state at the start of the next window."""
        boundary = torch.full((len(clip), 1), self.stride)
        initial = ends if any(ends) else None
        states = self.net.states_at(clip, boundary, boundary, cond, initial=initial)
        return {key: x[:, 0] for key, x in states.forward.items()}
