"""Whole videos of any length, frame by frame.

What a video of T frames takes beside the network and one clip of few frames (C channels of
features, H x W the LR size):

- A unidirectional network: memory O(1), for one frame, those of its look-ahead, and the state.
- A bidirectional network that is a chain of sweeps (BasicVSR, RealBasicVSR, BRCN: a backward and a
  forward one; BasicVSR++: one for the features of single frames, four for its branches; IconVSR:
  one for the frames before each frame, two for its branches; RISTN: one for its spatial component,
  two for each of its layers)
  - with states ``'disk'``: memory O(1); a temporary file of 4 C H W bytes a frame for what each
    sweep but the last gives;
  - in ``'segments'``, for chains of two sweeps: memory O(sqrt T), for the features of about sqrt(T)
    frames and as many states. The backward sweep runs twice;
  - in ``'memory'``: O(T), for all features, on the device.

  Such a network reads the video from both ends: so that a video file is decoded once, its frames
  are kept as uint8, 3 H W bytes each, in a temporary file or, with ``'memory'``, in memory.
- Any other bidirectional network: memory O(T), for all features, LR and SR frames; a
  reset bounds it.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain, islice
from typing import NamedTuple

import numpy as np
import torch

from harness.errors import fail
from harness.evaluation.frame import SRFrame
from harness.evaluation.guard import Guard
from harness.evaluation.pieces import overlapping_pieces
from harness.evaluation.sweeps import sweep
from harness.networks.recurrent import RecurrentNet, States
from harness.runs.resets import Reset

STATES = ('disk', 'segments', 'memory')


@torch.inference_mode()
def super_resolve(
    net: RecurrentNet,
    lr_frames: Iterable[np.ndarray],
    device: str | torch.device,
    length: int | None = None,
    reset: Reset | None = None,
    states: str = 'disk',
    dtype: torch.dtype = torch.float32,
    on_hidden: Callable[[int, int], None] | None = None,
    rounded: bool = True,
) -> Iterator[SRFrame]:
    """Yields the SR frame of each LR frame (H, W, 3), uint8 RGB, in order, as it is computed.

    The time of sweeps that give no SR frames is spread evenly over the frames; reading what they
    stored is part of the time.

    Args:
        net: the network, already on ``device``.
        lr_frames: the video's frames, all of one size; each is taken once.
        device: where the network runs.
        length: number of frames, None if it is not known beforehand; some frame-conditioned
            networks need it.
        reset: how the state is set back; None for never. Where it is, frame numbers restart at 0,
            and pieces do not see each other.
        states: where bidirectional networks keep what they need of the whole video, see above.
        dtype: precision of convolutions and matrix products (autocast); the rest, such as
            positions in warping, stays float32.
        on_hidden: called with counts done and in all for each frame of a sweep that gives no SR
            frame.
        rounded: give uint8 frames; else float32 in the same unit, neither rounded nor clamped.

    Raises:
        UserError: frames of different sizes, no room for temporary files, or a network that cannot
            work in segments.
    """
    net.eval()
    on_hidden = on_hidden or (lambda done, total: None)
    run = _Run(net, torch.device(device), dtype, states, on_hidden, rounded)
    frames = _of_one_size(lr_frames)
    if reset is None:
        yield from _video(run, frames, length)
    elif reset.is_guard:
        check_guard(net)
        yield from _stream(run, frames, length, reset)
    elif reset.is_overlapping:
        yield from overlapping_pieces(partial(_video, run), frames, reset)
    else:
        for piece, known in _pieces(frames, length, reset.every):
            yield from _video(run, piece, known)


def check_guard(net: RecurrentNet) -> None:
    """Sees that a network has a state that can be watched frame by frame.

    Raises:
        UserError: it has not.
    """
    if net.bidirectional or not net.has_states:
        fail(
            f'{type(net).__name__}: a reset by norm or distance needs a unidirectional network '
            'with a state; set this one back every N frames, or N-overlapM'
        )


def _video(run, frames, length):
    """The SR frames of one video, its state never set back."""
    if not run.net.bidirectional:
        yield from _stream(run, frames, length)
    elif run.net.sweeps():
        for sr, ms in sweep(run, frames):
            yield run.frame(sr, ms)
    else:
        yield from _whole(run, frames)


def _of_one_size(frames):
    """LR frames as tensors."""
    first = None
    for number, frame in enumerate(frames):
        first = frame.shape if first is None else first
        if frame.shape != first:
            fail(
                f'LR frame {number} is {frame.shape[1]}x{frame.shape[0]}, the first one '
                f'{first[1]}x{first[0]}; all frames of a video have one size'
            )
        yield torch.tensor(frame)


def _pieces(frames, length, size):
    """The frames of each piece, and how many they are if that is known."""
    for number, first in enumerate(frames):
        piece = chain([first], islice(frames, size - 1))
        yield piece, None if length is None else min(size, length - number * size)


class _Run(NamedTuple):
    """A network and how to run it."""

    net: RecurrentNet
    device: torch.device
    dtype: torch.dtype
    states: str
    on_hidden: Callable[[int, int], None]
    rounded: bool

    def timed(self, function, *args, **kwargs):
        """What the function returns, and its milliseconds.

        On one thread of a CPU they are those of the thread, whatever else there is to do.
        """
        is_one_thread = self.device.type == 'cpu' and torch.get_num_threads() == 1
        clock = time.thread_time if is_one_thread else time.perf_counter
        begin = clock()
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
            result = function(*args, **kwargs)
        if self.device.type == 'cuda':
            torch.cuda.synchronize(self.device)
        return result, 1e3 * (clock() - begin)

    def clip(self, frames):
        """LR frames (H, W, 3), uint8, as the network takes them: (1, T, 3, H, W) in [0, 1]."""
        clip = torch.stack(frames).to(self.device)
        return clip.permute(0, 3, 1, 2).float().div_(255)[None]

    def frame(self, sr, ms, is_reset=False):
        """The SR frame, in [0, 255], of a tensor (3, H, W) in [0, 1]."""
        # both ends are NaN if any pixel is
        is_finite = bool(torch.stack(torch.aminmax(sr)).isfinite().all())
        image = _to_uint8(sr) if self.rounded else _to_float32(sr)
        return SRFrame(image, ms, is_reset, is_finite)


def _stream(run, frames, length, reset=None):
    """Unidirectional networks; ``age`` is how many frames the state has seen."""
    state, age, is_reset = None, 0, False
    guard = reset and Guard(lambda *at: run.net(*at, True, length)[1], reset)
    for number, (frame, *following) in enumerate(_windows(frames, run.net.look_ahead + 1)):
        lr, after = run.clip([frame]), run.net.following(run.clip(following)) if following else None
        rest = length and length - number + age
        (srs, states), ms = run.timed(run.net, lr, States(state, after), age, True, rest)
        state, age, was_reset = states.forward, age + 1, is_reset
        if guard:
            found, guarding = run.timed(guard, lr, after, state, age)
            is_reset, ms = found is not None, ms + guarding
            state, age = found or (state, age)
        yield run.frame(srs[0, 0], ms, was_reset)


def _windows(frames, length):
    """Each frame with those after it, ``length`` in all; fewer at the end."""
    window = deque()
    for frame in frames:
        window.append(frame)
        if len(window) == length:
            yield window
            window.popleft()
    while window:
        yield window
        window.popleft()


def _whole(run, frames):
    """Bidirectional networks that are no chain of sweeps."""
    frames = list(frames)
    srs, ms = run.timed(run.net, run.clip(frames), length=len(frames))
    for sr in srs[0]:
        yield run.frame(sr, ms / len(frames))


def _to_uint8(sr):
    # a network that diverged to NaN gives a black frame: its PSNR is then finite and very low
    sr = torch.nan_to_num(sr.float(), nan=0.0).clamp(0, 1)
    return sr.mul(255).round().byte().permute(1, 2, 0).cpu().numpy()


def _to_float32(sr):
    sr = torch.nan_to_num(sr.float(), nan=0.0).clamp(-4, 5)  # wide, for Y is a difference of these
    return sr.mul(255).permute(1, 2, 0).cpu().numpy()
