"""Super-resolves videos in overlapping pieces, each as a separate video."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

import numpy as np

from harness.evaluation.frame import SRFrame
from harness.runs.resets import Reset


def overlapping_pieces(
    super_resolve: Callable[[list, int], Iterable[SRFrame]], frames: Iterator, reset: Reset
) -> Iterator[SRFrame]:
    """Yields each SR frame once; the time of frames in an overlap is the sum of both.

    The memory is that of the LR frames of one piece and the SR frames of one overlap. Only the
    current piece is read ahead.

    Args:
        super_resolve: Returns the SR frames of a piece, given its LR frames and their number.
        frames: The LR frames of the video, in order.
        reset: Pieces have ``every`` frames, of which ``amount`` overlap with the previous piece.
    """
    overlap = int(reset.amount)
    piece = list(islice(frames, reset.every))
    before: list[SRFrame] = []
    while piece:
        following = list(islice(frames, reset.every - overlap))
        kept: list[SRFrame] = []
        for number, sr in enumerate(super_resolve(piece, len(piece))):
            if number < len(before):
                sr = _join(before[number], sr, _share(reset, number))
            if following and number >= len(piece) - overlap:
                kept.append(sr)
            else:
                yield sr
        piece, before = (piece[len(piece) - overlap :] + following if following else []), kept


def _share(reset: Reset, number: int) -> float:
    """The weight of the later piece in a frame of the overlap."""
    if reset.kind == 'blend':
        return (number + 1) / (reset.amount + 1)
    return float(number >= reset.amount / 2)


def _join(earlier: SRFrame, later: SRFrame, share: float) -> SRFrame:
    mixed = (1 - share) * earlier.rgb + share * later.rgb
    if earlier.rgb.dtype == np.uint8:
        mixed = np.rint(mixed)
    ms, is_finite = earlier.ms + later.ms, earlier.is_finite and later.is_finite
    return SRFrame(mixed.astype(earlier.rgb.dtype), ms, is_finite=is_finite)
