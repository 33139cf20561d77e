"""LR frames beyond the ends of a clip, for networks that read the frames next to the current one.

Their states hold the neighbouring frame as ``lr`` (3, H, W) and ``known`` (1,), which is 1, or 0 at
the ends of a video. There the first or last frame is repeated, as in RLSP's PyTorch code (MRVSR's
code drops the first and last frame of a video). An all-zero state thus means the same as no state,
separately for each sample of a batch.
"""

import torch
from torch import Tensor

State = dict[str, Tensor]


def neighbour_shapes(height: int, width: int) -> dict[str, tuple[int, ...]]:
    """Shapes (without batch) of the state entries of a neighbouring LR frame."""
    return {'lr': (3, height, width), 'known': (1,)}


def beside(lr: Tensor) -> State:
    """The state entries of a neighbouring LR frame (B, 3, H, W)."""
    return {'lr': lr, 'known': lr.new_ones(len(lr), 1)}


def frame_before(lrs: Tensor, before: State | None) -> Tensor:
    """The LR frame (B, 3, H, W) before the clip ``lrs`` (B, T, 3, H, W), or its first one again."""
    if before is None:
        return lrs[:, 0]
    return torch.where(before['known'].bool()[..., None, None], before['lr'], lrs[:, 0])


def frames_after(
    lrs: Tensor, after: State | None, lengths: Tensor, begin: int = 0, stop: int | None = None
) -> Tensor:
    """The LR frame after each frame in [begin, stop).

    Args:
        lrs: Videos (B, T, 3, H, W).
        after: The state with the frame after the videos; where there is none, the last frame is
            repeated.
        lengths: (B,) number of frames of each video.
        begin, stop: The range of frames; the default is all of them.

    Returns:
        LR frames (B, stop - begin, 3, H, W).
    """
    stop = lrs.size(1) if stop is None else stop
    numbers = torch.arange(begin + 1, stop + 1, device=lrs.device)
    lengths = lengths[:, None]
    frames = lrs[_rows(lrs), torch.minimum(numbers, lengths - 1)]
    if after is None:
        return frames
    from_outside = (numbers == lengths) & after['known'].bool()
    return torch.where(from_outside[..., None, None, None], after['lr'][:, None], frames)


def states_after(lrs: Tensor, ends: Tensor, lengths: Tensor, after: State | None) -> State:
    """The backward states (B, R, ...) at boundaries ``ends`` (B, R) of the videos ``lrs``.

    ``after`` is the state at the end of the videos, ``lengths`` (B,) their numbers of frames.
    """
    inside = (ends < lengths[:, None]).to(lrs)[..., None]
    frames = lrs[_rows(lrs), ends.clamp(max=lrs.size(1) - 1)]
    state = {'lr': frames * inside[..., None, None], 'known': inside}
    if after is not None:
        outside = 1 - inside
        state['lr'] = state['lr'] + after['lr'][:, None] * outside[..., None, None]
        state['known'] = state['known'] + after['known'][:, None] * outside
    return state


def _rows(videos: Tensor) -> Tensor:
    return torch.arange(len(videos), device=videos.device)[:, None]
