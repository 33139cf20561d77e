"""Reads TensorFlow checkpoints without TensorFlow.

A checkpoint (V2 bundle) consists of ``NAME.index`` and ``NAME.data-00000-of-00001``.
The index is a LevelDB table: blocks of entries with shared key prefixes, whose values are protocol
buffers (``BundleEntryProto``: 1 dtype, 2 shape, 4 offset, 5 size, 6 masked CRC-32C). Formats:
LevelDB's ``table_format.md`` and TensorFlow's ``tensor_bundle.proto``. Only uncompressed tables of
one data file with float32 tensors are read, which is what ``tf.train.Saver`` wrote.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from harness.errors import fail

_MAGIC = (0xDB4775248B80FB57).to_bytes(8, 'little')
_FOOTER = 48
_FLOAT32 = 1
_DATA = '.data-00000-of-00001'


def is_bundle(path: Path) -> bool:
    """Whether a file is one of the two files of a checkpoint, by its name."""
    return path.name.endswith(('.index', _DATA))


def read_bundle(path: Path) -> dict[str, Tensor]:
    """All float32 tensors of a checkpoint by name, except those of optimizers.

    Args:
        path: One of its two files.

    Raises:
        UserError: A file is missing, damaged, or of another kind.
    """
    stem = path.name.removesuffix('.index').removesuffix(_DATA)
    index, data = (path.with_name(stem + ending) for ending in ('.index', _DATA))
    for file in (index, data):
        if not file.is_file():
            fail(f'{file}: no such file; a TensorFlow checkpoint has {index.name} and {data.name}')
    content = data.read_bytes()
    try:
        entries = dict(_entries(index.read_bytes()))
        kept = {name: e for name, e in entries.items() if name and not _is_slot(name, entries)}
        return {name: _tensor(name, _fields(e), content) for name, e in kept.items()}
    except (IndexError, ValueError, KeyError) as error:
        fail(f'{index}: is damaged or not a TensorFlow checkpoint ({error})')


def _is_slot(name: str, names: dict) -> bool:
    """Whether a tensor belongs to an optimizer: it lies below a variable or outside of layers."""
    return '/' not in name or name.rpartition('/')[0] in names


def _entries(table: bytes) -> Iterator[tuple[str, bytes]]:
    if table[-8:] != _MAGIC:
        raise ValueError('not a table')
    footer = table[-_FOOTER:]
    position = 0
    for _ in range(2):  # of the meta index
        _, position = _varint(footer, position)
    offset, position = _varint(footer, position)
    size, _ = _varint(footer, position)
    for _, handle in _block(table, offset, size):
        offset, position = _varint(handle, 0)
        size, _ = _varint(handle, position)
        for key, value in _block(table, offset, size):
            yield key.decode(), value


def _block(table: bytes, offset: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    if table[offset + size]:
        raise ValueError('compressed')
    block = table[offset : offset + size]
    restarts = int.from_bytes(block[-4:], 'little')
    end, position, key = len(block) - 4 * (restarts + 1), 0, b''
    while position < end:
        shared, position = _varint(block, position)
        added, position = _varint(block, position)
        length, position = _varint(block, position)
        key = key[:shared] + block[position : position + added]
        position += added
        yield key, block[position : position + length]
        position += length


def _fields(message: bytes) -> dict[int, list]:
    """Field number -> its values: numbers, or bytes."""
    fields: dict[int, list] = {}
    value: int | bytes
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        if tag & 7 == 0:
            value, position = _varint(message, position)
        else:
            length = 4
            if tag & 7 == 2:
                length, position = _varint(message, position)
            value = message[position : position + length]
            position += length
        fields.setdefault(tag >> 3, []).append(value)
    return fields


def _tensor(name: str, entry: dict[int, list], content: bytes) -> Tensor:
    if entry[1] != [_FLOAT32]:
        raise ValueError(f'{name} is not float32')
    dims = _fields(entry[2][0]).get(2, []) if 2 in entry else []
    shape = [_fields(dim)[1][0] for dim in dims]
    offset, size = entry.get(4, [0])[0], entry[5][0]
    data = content[offset : offset + size]
    if len(data) != size:
        raise ValueError(f'the data file ends within {name}')
    if _masked_crc(data) != int.from_bytes(entry[6][0], 'little'):
        raise ValueError(f'the checksum of {name} is wrong')
    return torch.from_numpy(np.frombuffer(data, '<f4').reshape(shape).copy())


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        value |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return value, position


@cache
def _crc_table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


def _masked_crc(data: bytes) -> int:
    """CRC-32C as LevelDB stores it."""
    table, crc = _crc_table(), 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
