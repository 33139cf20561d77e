"""Super-resolves whole videos of any length, frame by frame.

The memory for a video of T frames, besides the network and one short clip (C channels of features,
LR size H x W):

- Unidirectional networks: O(1), for one frame, its look-ahead and the state.
- Bidirectional networks that are a chain of sweeps (BasicVSR, RealBasicVSR, BRCN: one backward and
  one forward; BasicVSR++: one for the features of single frames, four for its branches; IconVSR:
  one for the frame before each frame, two for its branches; RISTN: one for its spatial component,
  two for each of its layers)

  - with states on ``'disk'``: O(1), and a temporary file of 4 C H W bytes per frame for the output
    of each sweep except the last;
  - with ``'segments'``, for chains of two sweeps: O(sqrt T), for the features of about sqrt(T)
    frames and as many states. The backward sweep runs twice;
  - with ``'memory'``: O(T), for all features, on the device.

  These networks read the video from both ends. To decode a video file only once, its frames are
  kept as uint8, 3 H W bytes each, in a temporary file or, with ``'memory'``, in memory.
- Other bidirectional networks: O(T), for all features, LR and SR frames; resets limit it.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain, islice

import numpy as np
import torch
from torch import Tensor

from harness.errors import fail
from harness.evaluation.frame import SRFrame
from harness.evaluation.guard import Guard
from harness.evaluation.network_run import NetworkRun
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
    """Yields the SR frame of each LR frame, in order, as soon as it is computed.

    The time of sweeps without SR frames is distributed evenly over the frames, and includes reading
    what earlier sweeps stored.

    Args:
        net: The network, already on ``device``.
        lr_frames: The frames of the video (H, W, 3), uint8 RGB, all of one size; read once.
        device: The device of the network.
        length: The number of frames, or None if unknown; some frame-conditioned networks need it.
        reset: How the state is reset; None for never. After a reset, frame numbers restart at 0,
            and pieces do not see each other.
        states: Where bidirectional networks keep features of the whole video, see above.
        dtype: The precision of convolutions and matrix products (autocast); everything else, such
            as positions in warping, stays float32.
        on_hidden: Called for each frame of a sweep without SR frames, with the number of such
            frames done and in total.
        rounded: Whether to return uint8 frames; otherwise float32 with the same unit, neither
            rounded nor clamped to [0, 255].

    Raises:
        UserError: Frames differ in size, there is no space for temporary files, or the network
            cannot work in segments.
    """
    net.eval()
    on_hidden = on_hidden or (lambda done, total: None)
    run = NetworkRun(net, torch.device(device), dtype, states, on_hidden, rounded)
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
    """Checks that a network has a state that can be watched frame by frame.

    Raises:
        UserError: It has none.
    """
    if net.bidirectional or not net.has_states:
        fail(
            f'{type(net).__name__}: a reset by norm or distance needs a unidirectional network '
            'with a state; reset this one every N frames, or by N-overlapM'
        )


def _video(run: NetworkRun, frames: Iterator[Tensor], length: int | None) -> Iterator[SRFrame]:
    """The SR frames of one video without resets."""
    if not run.net.bidirectional:
        yield from _stream(run, frames, length)
    elif run.net.sweeps():
        for sr, ms in sweep(run, frames):
            yield run.frame(sr, ms)
    else:
        yield from _whole(run, frames)


def _of_one_size(frames: Iterable[np.ndarray]) -> Iterator[Tensor]:
    """Yields LR frames as tensors, and checks that they have the same size."""
    first = None
    for number, frame in enumerate(frames):
        first = frame.shape if first is None else first
        if frame.shape != first:
            fail(
                f'LR frame {number} is {frame.shape[1]}x{frame.shape[0]}, the first one '
                f'{first[1]}x{first[0]}; all frames of a video must have the same size'
            )
        yield torch.tensor(frame)


def _pieces(
    frames: Iterator[Tensor], length: int | None, size: int
) -> Iterator[tuple[Iterator[Tensor], int | None]]:
    """Yields the frames of each piece, and their number if it is known."""
    for number, first in enumerate(frames):
        piece = chain([first], islice(frames, size - 1))
        yield piece, None if length is None else min(size, length - number * size)


def _stream(
    run: NetworkRun, frames: Iterator[Tensor], length: int | None, reset: Reset | None = None
) -> Iterator[SRFrame]:
    """Runs unidirectional networks; ``age`` is the number of frames that the state has seen."""
    state, age, is_reset = None, 0, False
    guard = Guard(lambda *at: run.net(*at, True, length)[1], reset) if reset else None
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


def _windows(frames: Iterator[Tensor], length: int) -> Iterator[deque[Tensor]]:
    """Yields each frame with those after it, ``length`` in total; fewer at the end."""
    window: deque[Tensor] = deque()
    for frame in frames:
        window.append(frame)
        if len(window) == length:
            yield window
            window.popleft()
    while window:
        yield window
        window.popleft()


def _whole(run: NetworkRun, frames: Iterable[Tensor]) -> Iterator[SRFrame]:
    """Runs bidirectional networks that are not a chain of sweeps."""
    lrs = list(frames)
    srs, ms = run.timed(run.net, run.clip(lrs), length=len(lrs))
    for sr in srs[0]:
        yield run.frame(sr, ms / len(lrs))
