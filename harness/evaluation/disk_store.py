"""Stores tensors of a long video in a temporary file."""

import os
import shutil
import tempfile

import torch
from torch import Tensor

from harness.errors import fail, reason_of


class DiskStore:
    """Tensors of one shape and dtype by number, used like a dict.

    The file never has a name, so that nothing remains however the program ends. It is not
    memory-mapped, because a full disk would then kill the program without a message.

    Args:
        length: The number of tensors, if known; a lack of space is then noticed with the first one.
    """

    def __init__(self, length: int | None = None) -> None:
        self._length = length
        self._size = 0  # of a tensor, in bytes; 0 until the first one
        try:
            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
        except OSError as error:
            fail(f'cannot create a temporary file ({reason_of(error)}); {_REMEDY}')

    def __enter__(self) -> 'DiskStore':
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __setitem__(self, number: int, x: Tensor) -> None:
        """Stores ``x``.

        Raises:
            UserError: The disk is full.
        """
        if not self._size:
            self._begin(x)
        data = _bytes(x.to('cpu', self._dtype).contiguous())
        offset = number * self._size
        try:
            while data:
                written = os.pwrite(self._file.fileno(), data, offset)
                data, offset = data[written:], offset + written
        except OSError as error:
            fail(f'{_where()}: {error.strerror}; {_REMEDY}')

    def __getitem__(self, number: int) -> Tensor:
        x = torch.empty(self._shape, dtype=self._dtype)
        data = _bytes(x)
        offset = number * self._size
        while data:
            read = os.preadv(self._file.fileno(), [data], offset)
            if not read:
                raise KeyError(number)
            data, offset = data[read:], offset + read
        return x

    def _begin(self, x: Tensor) -> None:
        self._shape, self._dtype = x.shape, x.dtype
        self._size = x.numel() * x.element_size()
        needed = (self._length or 0) * self._size
        free = shutil.disk_usage(tempfile.gettempdir()).free
        if needed > free:
            fail(
                f'{_where()}: {needed / 1e9:.1f} GB needed for {self._length} frames, '
                f'{free / 1e9:.1f} GB free; {_REMEDY}'
            )


_REMEDY = "choose another folder with TMPDIR, or keep states in 'segments'"


def _where() -> str:
    return f'temporary folder {tempfile.gettempdir()}'


def _bytes(x: Tensor) -> memoryview:
    return x.view(torch.uint8).numpy().data.cast('B')
