"""Reads the size and orientation of image files without decoding their pixels."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from dataset_tools.manifest import png_size
from dataset_tools.orientation import Orientation, exif_orientation

_ORIENTATION_TAG = 0x0112


def image_size(data: bytes) -> tuple[int, int] | None:
    """Returns (height, width) as stored in a PNG, JPEG or BMP file; None for other files."""
    return png_size(data) or _jpeg_size(data) or _bmp_size(data)


def image_orientation(data: bytes) -> Orientation:
    """Returns the EXIF orientation of a PNG or JPEG file."""
    exif = _png_exif(data) if data.startswith(b'\x89PNG') else _jpeg_exif(data)
    if not exif:
        return Orientation()
    from PIL import Image

    entries = Image.Exif()
    try:
        entries.load(exif)
        return exif_orientation(entries.get(_ORIENTATION_TAG))
    except Exception:
        return Orientation()


def _png_exif(data: bytes) -> bytes:
    at = 8
    while at + 12 <= len(data):
        length, kind = struct.unpack_from('>I4s', data, at)
        if kind == b'eXIf':
            return data[at + 8 : at + 8 + length]
        at += 12 + length
    return b''


def _jpeg_exif(data: bytes) -> bytes:
    for marker, content in _jpeg_segments(data):
        if marker == 0xE1 and data.startswith(b'Exif\0\0', content.start):
            return data[content.start : content.stop]
    return b''


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """(height, width) of a JPEG file by its first start of frame."""
    for marker, content in _jpeg_segments(data):
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return struct.unpack_from('>HH', data, content.start + 1)
    return None


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, range]]:
    """(marker, where its content is) of the segments before a JPEG file's pixels."""
    at = 2 if data.startswith(b'\xff\xd8') else len(data)
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        # Fill bytes and markers without a length.
        if marker == 0xFF:
            at += 1
        elif marker == 0x01 or 0xD0 <= marker <= 0xD8:
            at += 2
        elif marker == 0xDA:
            return
        else:
            end = at + 2 + int.from_bytes(data[at + 2 : at + 4], 'big')
            yield marker, range(at + 4, end)
            at = end


def _bmp_size(data: bytes) -> tuple[int, int] | None:
    """(height, width) of a BMP file; the sign of the height tells which row comes first."""
    if not data.startswith(b'BM') or len(data) < 26:
        return None
    old = struct.unpack_from('<I', data, 14)[0] == 12
    width, height = struct.unpack_from('<HH' if old else '<ii', data, 18)
    return abs(height), abs(width)
