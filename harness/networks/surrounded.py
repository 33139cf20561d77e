"""Clips together with the LR frames on both sides, and helpers for chains of branches.

Shapes: B batch, T frames of a clip, R boundaries per video, n frames on each side.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from harness.networks.boundaries import sent, wanted_at
from harness.networks.look_ahead import State
from harness.networks.recurrent import States


class Surrounded(NamedTuple):
    """Clips and the n frames on each side of them, in temporal order.

    ``frames`` (B, n + T + n, 3, H, W); ``known`` (B, n + T + n) is 1 for frames that exist and 0
    beyond the ends of a video; ``count`` is n. If the clips have different ``lengths`` (B,), the
    frames after a clip directly follow its last frame, and the rest is padding. None: all clips
    have T frames.
    """

    frames: Tensor
    known: Tensor
    count: int  # type: ignore[assignment]
    lengths: Tensor | None

    def before(self, boundaries: Tensor) -> State:
        """``lrs`` (B, R, n, 3, H, W) and ``known`` (B, R, n) before each boundary (B, R)."""
        return self._read(boundaries)

    def after(self, boundaries: Tensor) -> State:
        """``lrs`` (B, R, n, 3, H, W) and ``known`` (B, R, n) after each boundary (B, R)."""
        return self._read(boundaries + self.count)

    def _read(self, first: Tensor) -> State:
        places = first[..., None] + torch.arange(self.count, device=first.device)
        videos = torch.arange(len(places), device=first.device)[:, None, None]
        return {'lrs': self.frames[videos, places], 'known': self.known[videos, places]}

    def visited(self, backward: bool) -> tuple[Tensor, Tensor]:
        """Frames and ``known`` in the order a branch visits them: n from its state, then T."""
        stop = self.frames.size(1) - self.count
        if not backward:
            return self.frames[:, :stop], self.known[:, :stop]
        ends = None if self.lengths is None else self.lengths + self.count
        frames = in_order(self.frames[:, self.count :], True, ends)
        return frames, in_order(self.known[:, self.count :], True, ends)


def surround(
    lrs: Tensor, states: States | None, count: int, lengths: Tensor | None = None
) -> Surrounded:
    """Clips ``lrs`` (B, T, 3, H, W) with the ``count`` frames of the states at their two ends."""
    nothing = {'lrs': lrs.new_zeros(len(lrs), count, *lrs.shape[2:])}
    nothing['known'] = lrs.new_zeros(len(lrs), count)
    before, after = (state or nothing for state in states or States())
    frames = torch.cat([before['lrs'], lrs, after['lrs']], 1)
    known = torch.cat([before['known'], lrs.new_ones(lrs.shape[:2]), after['known']], 1)
    if lengths is None:
        return Surrounded(frames, known, count, None)
    lengths = sent(lengths, lrs.device)
    places = torch.arange(frames.size(1), device=lrs.device).expand(len(lrs), -1)
    behind = places >= count + lengths[:, None]
    places = places + behind * (lrs.size(1) - lengths)[:, None]
    inside = places < frames.size(1)
    videos, places = _rows(lrs), places.clamp(max=frames.size(1) - 1)
    return Surrounded(frames[videos, places], known[videos, places] * inside, count, lengths)


def in_order(videos: Tensor, backward: bool, lengths: Tensor | None = None) -> Tensor:
    """Reorders (B, T, ...) from temporal order to the order a branch visits it, or back.

    A ``backward`` branch begins with the last frame of each video. The padding of shorter videos
    comes last; its content is lost.
    """
    if not backward:
        return videos
    if lengths is None:
        return videos.flip(1)
    steps = torch.arange(videos.size(1), device=videos.device)
    return videos[_rows(videos), (lengths[:, None] - 1 - steps).clamp(min=0)]


def list_in_order(
    frames: Sequence[Tensor], backward: bool, lengths: Tensor | None = None
) -> list[Tensor]:
    """:func:`in_order` for a list of T tensors (B, ...)."""
    if lengths is None or not backward:
        return list(frames)[:: -1 if backward else 1]
    return list(in_order(torch.stack(list(frames), 1), backward, lengths).unbind(1))


def differing(lengths: Tensor | None, frames: int) -> Tensor | None:
    """``lengths``, on the CPU, or None if all videos have ``frames`` frames."""
    return None if lengths is None or bool((lengths == frames).all()) else lengths


def windows_after(feats: Sequence[Tensor], steps: Tensor, size: int) -> Tensor:
    """(B, R, size, ...): the ``size`` tensors (B, ...) of a list from each of the steps (B, R) on.

    The steps are on the CPU.
    """
    kept = feats[0].new_zeros(*steps.shape, size, *feats[0].shape[1:])
    for step, (videos, repeats) in wanted_at(steps, kept.device).items():
        kept[videos, repeats] = torch.stack(list(feats[step : step + size]), 1)[videos].to(kept)
    return kept


def flows_back(flow_net: Callable, frames: Tensor, size: int | None = None) -> list[Tensor]:
    """The flow (B, 2, H, W) from each frame of (B, T, 3, H, W) but the first to the one before it.

    ``size`` frames form a batch; None: all of them.
    """
    flows: list[Tensor] = []
    parts = (x.split(size or frames.size(1), 1) for x in (frames[:, 1:], frames[:, :-1]))
    for here, there in zip(*parts, strict=True) if frames.size(1) > 1 else ():
        flow = flow_net(here.flatten(0, 1), there.flatten(0, 1))
        flows += flow.unflatten(0, here.shape[:2]).unbind(1)
    return flows


def _rows(videos: Tensor) -> Tensor:
    return torch.arange(len(videos), device=videos.device)[:, None]
