"""Decides from timestamps whether a video file is complete.

Matroska, WebM, FLV and AVI store their duration in the header, MP4 and AVI list all frames. For
other formats only the last bytes can tell (see ``is_torn``).
"""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import av

from dataset_tools.endings import is_torn

# Timestamps are rounded, and audio may end with half a packet.
_TOLERANCE = 0.1
# A frame may be coded after at most this many frames that are shown later.
_REORDERED = 20


class Fault(NamedTuple):
    """What is wrong with a file.

    Attributes:
        text: A phrase.
        end: Time in seconds after which frames are missing or incomplete; infinite for a gap.
    """

    text: str
    end: float = math.inf


class _Span(NamedTuple):
    """When a frame is shown, in seconds."""

    start: float
    end: float


class Timeline:
    """Follows the packets of all streams and says what is missing.

    Args:
        container: The opened file.
        stream: The video stream that is decoded.

    Attributes:
        last: The last packet of this stream.
    """

    def __init__(self, container: av.container.InputContainer, stream: av.VideoStream) -> None:
        self.last: av.Packet | None = None
        self._container = container
        self._stream = stream
        self._listed = len(stream.index_entries)
        self._read = 0
        self._shown: list[_Span] = []
        self._end = 0.0
        self._end_of_bytes = 0

    def add(self, packet: av.Packet) -> None:
        """Adds the next packet of any stream; in the video stream none after a corrupt one."""
        if not packet.size:
            return
        if packet.pos is not None:
            self._end_of_bytes = packet.pos + packet.size
        span = _span(packet)
        self._end = max(self._end, span.end)
        if packet.stream.index == self._stream.index:
            self.last = packet
            self._read += 1
            if packet.pts is not None:
                self._shown.append(span)

    def fault(self) -> Fault | None:
        """Returns what is wrong, after all packets were added; None if nothing is."""
        if self.last is None:
            return None
        self._shown.sort()
        end = self._whole_end(_span(self.last))
        if self.last.is_corrupt:
            return Fault(f'cut off or damaged after {end:.2f} s', end)
        promised = self._promised()
        if promised > self._read:
            return Fault(f'cut off or damaged: lists {promised} frames, holds {self._read}', end)
        path = Path(self._container.name)
        if is_torn(path, self._container.format.name, self._end_of_bytes):
            return Fault(f'cut off after {end:.2f} s', end)
        duration = (self._container.duration or 0) / av.time_base
        if not self._has_index() and self._shown:
            if duration - self._end > max(_TOLERANCE, 2.5 * self._usual()):
                return Fault(f'cut off: ends at {end:.2f} s of {duration:.2f} s', end)
            return self._gap()
        return None

    def _usual(self) -> float:
        """Returns the interval between frames; for variable rates the 95th percentile."""
        intervals = sorted(after.start - before.start for before, after in pairwise(self._shown))
        return intervals[int(0.95 * (len(intervals) - 1))] if intervals else 0.0

    def _whole_end(self, last: _Span) -> float:
        """Returns until when all frames are there, without the last packet, which may be torn."""
        usual = self._usual()
        used = [span for span in self._shown if span != last][-_REORDERED:]
        for before, after in pairwise(used):
            if after.start - max(before.end, before.start + usual) > 0.5 * usual:
                return min(last.start, max(before.end, before.start + usual))
        return last.start

    def _promised(self) -> int:
        """Returns how many frames are listed."""
        frames = self._listed if self._has_index() else self._stream.frames
        return max(frames, len(self._stream.index_entries))

    def _has_index(self) -> bool:
        """Returns whether the file began with an index; other indexes are built from packets."""
        always = self._container.format.name.startswith('mov')
        return self._listed >= self._read and (always or self._listed > 1)

    def _gap(self) -> Fault | None:
        usual = self._usual()
        for before, after in pairwise(self._shown):
            if after.start - max(before.end, before.start + usual) > 1.5 * usual:
                return Fault(
                    f'damaged or of variable rate: has no frames from {before.end:.2f} s to '
                    f'{after.start:.2f} s'
                )
        return None


def _span(packet: av.Packet) -> _Span:
    clock = float(packet.time_base)
    start = next((time for time in (packet.pts, packet.dts) if time is not None), 0) * clock
    return _Span(start, start + (packet.duration or 0) * clock)
