"""Detects truncated video files from their last bytes, for formats that store no duration."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

_ASF_FILE_PROPERTIES = UUID('8CABDCA1-A947-11CF-8EE4-00C00C205365').bytes_le


def is_torn(path: Path, container: str, end_of_packets: int) -> bool:
    """Returns whether a file ends within a packet or box.

    Args:
        path: The file.
        container: FFmpeg's name of its format; MP4, ASF, MPEG-TS, Ogg, GIF and Y4M are checked.
        end_of_packets: Where the last packet that was read from it ends, in bytes.
    """
    size = path.stat().st_size
    if container == 'yuv4mpegpipe':
        return end_of_packets != size
    with path.open('rb') as file:
        if container.startswith('mov'):
            return _ends_within_box(file, size)
        if container == 'asf':
            return _asf_size(file.read(1 << 16)) > size
        file.seek(max(0, size - (1 << 16)))
        end = file.read()
    if container == 'gif':
        return not end.rstrip(b'\0').endswith(b';')
    if container == 'mpegts':
        # Packets of 188 bytes, or of 204 with check bytes, begin with 0x47.
        return not any(end[-length:].startswith(b'\x47') for length in (188, 204))
    if container == 'ogg':
        page = end[end.rfind(b'OggS') :]
        last_of_its_stream = 4
        return len(page) > 5 and not page[5] & last_of_its_stream
    return False


def _asf_size(head: bytes) -> int:
    """Returns the file size in ASF's file properties, 0 if there is none."""
    at = head.find(_ASF_FILE_PROPERTIES)
    return struct.unpack_from('<Q', head, at + 40)[0] if 0 <= at <= len(head) - 48 else 0


def _ends_within_box(file: BinaryIO, size: int) -> bool:
    """MP4 and MOV: boxes follow each other; other bytes after the last box are ignored."""
    at = 0
    while at + 8 <= size:
        file.seek(at)
        length, kind = struct.unpack('>I4s', file.read(8))
        if length == 1 and at + 16 <= size:
            (length,) = struct.unpack('>Q', file.read(8))
        if length < 8:  # 0 is a box to the end of the file
            return False
        if at + length > size:
            return kind in (b'moov', b'moof', b'mdat')
        at += length
    return False
