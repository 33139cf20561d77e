"""Videos in overlapping pieces, each super-resolved as a video of its own."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

import numpy as np

from harness.evaluation.frame import SRFrame
from harness.runs.resets import Reset


def overlapping_pieces(
    super_resolve: Callable[[list, int], Iterable[SRFrame]], frames: Iterator, reset: Reset
) -> Iterator[SRFrame]:
    """Yields each frame once; the time of frames of the overlap is that of both.

    Takes as much memory as the LR frames of one piece and the SR frames of one overlap. Nothing is
    read ahead but the piece itself.

    Args:
        super_resolve: gives the SR frames of a piece, from its LR frames and their number.
        frames: of the video, in order.
        reset: pieces of ``every`` frames, ``amount`` of which lie in the piece before.
    """
    overlap = int(reset.amount)
    piece, before = list(islice(frames, reset.every)), []
    while piece:
        following = list(islice(frames, reset.every - overlap))
        kept = []
        for number, sr in enumerate(super_resolve(piece, len(piece))):
            if number < len(before):
                sr = _join(before[number], sr, _share(reset, number))
            if following and number >= len(piece) - overlap:
                kept.append(sr)
            else:
                yield sr
        piece, before = (piece[len(piece) - overlap :] + following if following else []), kept


def _share(reset: Reset, number: int) -> float:
    """How much of a frame of the overlap comes from the later piece."""
    if reset.kind == 'blend':
        return (number + 1) / (reset.amount + 1)
    return float(number >= reset.amount / 2)


def _join(earlier: SRFrame, later: SRFrame, share: float) -> SRFrame:
    mixed = (1 - share) * earlier.rgb + share * later.rgb
    if earlier.rgb.dtype == np.uint8:
        mixed = np.rint(mixed)
    ms, is_finite = earlier.ms + later.ms, earlier.is_finite and later.is_finite
    return SRFrame(mixed.astype(earlier.rgb.dtype), ms, is_finite=is_finite)
