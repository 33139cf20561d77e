"""Whether a video file is whole, by the timestamps of what was read from it.

Matroska, WebM, FLV, ASF and AVI tell their duration in their header, MP4 and AVI list all pictures.
MPEG-TS, MPEG-PS, Ogg and raw streams tell neither: what is missing at their end is not noticed.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import av

# Clocks of containers are rounded, and sound may end with half a packet.
_TOLERANCE = 0.1


class Timeline:
    """Takes the packets of all streams and says what is missing.

    Args:
        container: The file, opened.
        stream: The video stream that is decoded.

    Attributes:
        last_is_torn: Whether the last picture is shown although only a part of it is there.
    """

    def __init__(self, container: av.container.InputContainer, stream: av.VideoStream) -> None:
        self._container = container
        self._stream = stream
        self._listed = len(stream.index_entries)
        self._read = 0
        self._shown: list[tuple[float, float]] = []
        self._end = 0.0
        self._end_of_bytes = 0
        self.last_is_torn = container.format.name == 'gif' and _lacks_trailer(container.name)

    def add(self, packet: av.Packet) -> None:
        """Takes the next packet of any stream."""
        if not packet.size:
            return
        if packet.pos is not None:
            self._end_of_bytes = packet.pos + packet.size
        ours = packet.stream.index == self._stream.index
        self._read += ours
        if packet.pts is None:
            return
        clock = float(packet.time_base)
        start = packet.pts * clock
        end = start + (packet.duration or 0) * clock
        self._end = max(self._end, end)
        if ours:
            self._shown.append((start, end))

    def problem(self) -> str | None:
        """What is missing, once all packets have been taken; None if nothing is known to be."""
        return self._unlisted() or self._bytes() or self._times()

    def _unlisted(self) -> str | None:
        frames = self._listed if self._has_index() else self._stream.frames
        promised = max(frames, len(self._stream.index_entries))
        if promised > self._read:
            return f'cut off or damaged: holds {self._read} pictures of {promised}'
        return None

    def _has_index(self) -> bool:
        """Whether an index of all pictures came first; others are built while packets come."""
        always = self._container.format.name.startswith('mov')
        return self._listed >= self._read and (always or self._listed > 1)

    def _bytes(self) -> str | None:
        """GIF and Y4M tell no length, but how they end."""
        raw = self._container.format.name == 'yuv4mpegpipe'
        torn = raw and self._end_of_bytes != Path(self._container.name).stat().st_size
        return 'cut off: ends within a picture' if torn or self.last_is_torn else None

    def _times(self) -> str | None:
        if not self._shown or self._has_index():
            return None
        self._shown.sort()
        # Of a variable rate a long interval that is usual, so that only unusual ones are gaps.
        intervals = sorted(after[0] - before[0] for before, after in pairwise(self._shown))
        usual = intervals[int(0.95 * (len(intervals) - 1))] if intervals else 0.0
        for (start, end), (following, _) in pairwise(self._shown):
            if following - max(end, start + usual) > 1.5 * usual:
                return (
                    f'damaged or of a variable rate: holds no pictures from {end:.2f} s to '
                    f'{following:.2f} s'
                )
        duration = (self._container.duration or 0) / av.time_base
        if duration - self._end > max(_TOLERANCE, 2.5 * usual):
            return f'cut off: ends at {self._end:.2f} s of {duration:.2f} s'
        return None


def _lacks_trailer(gif: str) -> bool:
    with open(gif, 'rb') as file:
        file.seek(max(0, Path(gif).stat().st_size - 1024))
        return not file.read().rstrip(b'\0').endswith(b';')
