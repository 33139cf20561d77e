"""Stores the hidden states of an epoch for the clips that will start from them."""

import math
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import psutil
import torch
from torch import Tensor

from harness.errors import UserError
from harness.formats import bytes_text
from harness.networks.recurrent import States, StateShapes

PLACES = ('device', 'cpu', 'disk')
_DTYPES = dict(float32=torch.float32, float16=torch.float16)


class BankOptions(NamedTuple):
    """Where and how states are stored.

    Attributes:
        place: ``'device'`` of the network, ``'cpu'`` memory (pinned if there is a GPU) or
            ``'disk'`` (memory-mapped).
        dtype: ``'float32'`` or ``'float16'``, which halves the size; clips then start from rounded
            states.
        folder: The folder of a disk bank (default: the run's folder). Its file has no name, so that
            the space is freed however the process ends.
    """

    place: str = 'device'
    dtype: str = 'float32'
    folder: str | None = None

    def check(self) -> 'BankOptions':
        """Returns itself.

        Raises:
            UserError: The place or dtype is unknown.
        """
        for key, value, known in (
            ('place', self.place, PLACES),
            ('dtype', self.dtype, tuple(_DTYPES)),
        ):
            if value not in known:
                raise UserError(
                    f'train_cfg.bank.{key}: {value!r} is unknown; there are {", ".join(known)}'
                )
        return self

    @property
    def torch_dtype(self) -> torch.dtype:
        return _DTYPES[self.dtype]


def state_bytes(shapes: tuple[StateShapes, StateShapes], dtype: torch.dtype) -> int:
    """The size in bytes of the forward and backward states at one boundary."""
    numbers = sum(math.prod(shape) for direction in shapes for shape in direction.values())
    return numbers * dtype.itemsize


def free_space(options: BankOptions, device: torch.device, folder: Path) -> tuple[int, str]:
    """The free bytes in the place of a bank, and the name of that place.

    Raises:
        UserError: The folder does not exist.
    """
    if options.place == 'disk':
        if not folder.is_dir():
            raise UserError(f'train_cfg.bank.folder: no such folder: {folder}')
        return shutil.disk_usage(folder).free, f'disk at {folder}'
    if options.place == 'device' and device.type == 'cuda':
        return torch.cuda.mem_get_info(device)[0], f'memory of {device}'
    return psutil.virtual_memory().available, 'main memory'


def check_fits(size: int, options: BankOptions, device: torch.device, folder: Path) -> None:
    """Checks that a bank of ``size`` bytes fits.

    Raises:
        UserError: It does not; the message says how to make the bank smaller.
    """
    free, where = free_space(options, device, folder)
    if size > free:
        raise UserError(
            f'the hidden-state bank needs {bytes_text(size)}, but only '
            f'{bytes_text(free)} are free ({where}). Lower train_cfg.repeats, windows_per_video or '
            "crop_size, or set train_cfg.bank=dict(place='cpu' or 'disk', dtype='float16')"
        )


class StateBank:
    """States by (entry, slot); an entry has one slot for each of its clips or boundaries.

    Args:
        slots: The number of slots of each entry.
        shapes: The shapes of the forward and backward states, without the batch.
        device: The device of the network, on which :meth:`take` puts its batches.
        options: Where and how the states are stored.
        folder: The folder of a disk bank.

    Raises:
        UserError: The disk is full.
    """

    def __init__(
        self,
        slots: Sequence[int],
        shapes: tuple[StateShapes, StateShapes],
        device: torch.device,
        options: BankOptions,
        folder: Path,
    ) -> None:
        self._first = [0]
        for number in slots:
            self._first.append(self._first[-1] + number)
        self._norms: dict[int, Tensor] = {}
        self._device = device
        allocate = {'device': self._on_device, 'cpu': self._on_cpu, 'disk': self._on_disk}
        self._folder, self._dtype = folder, options.torch_dtype
        self._states = States(
            *(
                {k: allocate[options.place]((self._first[-1], *s)) for k, s in d.items()} or None
                for d in shapes
            )
        )

    @property
    def nbytes(self) -> int:
        """The size of the whole bank in bytes."""
        return sum(x.nbytes for direction in self._states if direction for x in direction.values())

    def _on_device(self, shape: tuple[int, ...]) -> Tensor:
        return torch.empty(shape, dtype=self._dtype, device=self._device)

    def _on_cpu(self, shape: tuple[int, ...]) -> Tensor:
        pinned = self._device.type == 'cuda'
        return torch.empty(shape, dtype=self._dtype, pin_memory=pinned)

    def _on_disk(self, shape: tuple[int, ...]) -> Tensor:
        size = math.prod(shape) * self._dtype.itemsize
        file, name = tempfile.mkstemp(prefix='.states-', dir=self._folder)
        try:
            # without reserved blocks, a full disk would later kill the process with SIGBUS
            os.posix_fallocate(file, 0, size)
            return torch.from_file(
                name, shared=True, size=math.prod(shape), dtype=self._dtype
            ).view(shape)
        except OSError as error:
            raise UserError(
                f'the hidden-state bank ({bytes_text(size)} in {self._folder}): {error.strerror}'
            ) from error
        finally:
            os.close(file)
            os.unlink(name)  # the space is freed together with the mapping

    def slots(self, entry: int) -> int:
        """The number of slots of an entry."""
        return self._first[entry + 1] - self._first[entry]

    def put(self, entry: int, states: States) -> None:
        """Stores the states of one entry.

        Args:
            entry: The entry.
            states: Its states; the first dimension of tensors is its number of slots.
        """
        first, last = self._first[entry], self._first[entry + 1]
        squares = []
        for kept, given in zip(self._states, states, strict=True):
            for key, x in (kept or {}).items():
                new = (given or {})[key]
                x[first:last].copy_(new, non_blocking=True)
                if key not in ('known', 'phase'):  # they would hide how small the states are
                    squares.append(new.to(self._dtype).float().square().flatten(1).mean(1))
        # unlike Python's max, torch's propagates NaN
        self._norms[entry] = torch.stack(squares).amax().sqrt()

    def clear(self) -> 'StateBank':
        """Sets all states to zero, which is the initial state."""
        for direction in self._states:
            for x in (direction or {}).values():
                x.zero_()
        return self

    def put_one(self, entry: int, slot: int, states: States) -> None:
        """Stores the state of one slot, in those directions that ``states`` has."""
        row = self._first[entry] + slot
        for kept, given in zip(self._states, states, strict=True):
            for key, x in (given or {}).items():
                (kept or {})[key][row].copy_(x, non_blocking=True)

    def content(self) -> States:
        """Copies of all states on the CPU; the first dimension of tensors is all slots."""
        self._wait()
        return self._states.map(lambda x: x.cpu().clone())

    def fill(self, content: States) -> None:
        """Restores what :meth:`content` returned."""
        for kept, given in zip(self._states, content, strict=True):
            for key, x in (given or {}).items():
                (kept or {})[key].copy_(x)

    def moments(self) -> tuple[dict, dict]:
        """The moments of the states by channel, for each direction.

        Returns:
            Entry of the state -> (mean, standard deviation), each of the shape of one state with
            all dimensions after the channels of size 1.
        """
        self._wait()
        forward, backward = ({k: _moments(x) for k, x in (d or {}).items()} for d in self._states)
        return forward, backward

    def _wait(self) -> None:
        """Waits until a GPU has finished writing into CPU memory."""
        if self._device.type == 'cuda':
            torch.cuda.synchronize(self._device)

    def take(self, entries: Sequence[int], slots: Sequence[int]) -> States:
        """Reads a batch of states: float32 tensors (B, ...) on the network's device."""
        rows = [self._first[e] + slot for e, slot in zip(entries, slots, strict=True)]
        return self._states.map(lambda x: self._gather(x, rows))

    def _gather(self, x: Tensor, rows: list[int]) -> Tensor:
        batch = torch.empty((len(rows), *x.shape[1:]), dtype=torch.float32, device=self._device)
        for sample, row in zip(batch, rows, strict=True):
            sample.copy_(x[row], non_blocking=True)
        return batch

    def norms(self) -> dict[int, float]:
        """Entry -> the largest root mean square of its states; not finite if any state is not."""
        if not self._norms:
            return {}
        return dict(zip(self._norms, torch.stack(list(self._norms.values())).tolist(), strict=True))


def _moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of (N, C, ...) by channel, row by row to save memory."""
    first, second = (torch.zeros(x.shape[1], dtype=torch.float64) for _ in range(2))
    for row in x:
        flat = row.double().flatten(1).cpu()
        first += flat.mean(1) / len(x)
        second += flat.square().mean(1) / len(x)
    shape = (-1, *[1] * (x.ndim - 2))
    std = (second - first.square()).clamp(min=0).sqrt()
    return first.float().view(shape), std.float().view(shape)
