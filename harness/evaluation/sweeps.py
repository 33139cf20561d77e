"""Runs bidirectional networks on videos that may not fit into memory, clip by clip and sweep by
sweep.
"""

import math
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from typing import Any, NamedTuple

import torch
from torch import Tensor

from harness.errors import fail
from harness.evaluation.disk_store import DiskStore
from harness.evaluation.network_run import NetworkRun
from harness.networks.recurrent import State, Sweep

#: number of frames that go through a sweep together, so that their flows are one batch
CLIP = 4
#: number -> tensor, in memory or on disk
_Store = dict[int, Tensor] | DiskStore


def sweep(run: NetworkRun, frames: Iterable[Tensor]) -> Iterator[tuple[Tensor, float]]:
    """Yields the SR frames (3, 4H, 4W) of a video, and the milliseconds that each took.

    Args:
        run: A network that is a chain of sweeps, and how to run it (see ``inference.py``).
        frames: LR frames (H, W, 3), uint8.
    """
    with _store(on_disk=run.states != 'memory') as lrs:
        length = 0
        for frame in frames:
            lrs[length] = frame
            length += 1
        if length:
            yield from _Sweeps(run, lrs, length).srs()


def _store(on_disk: bool, length: int | None = None) -> AbstractContextManager[_Store]:
    return DiskStore(length) if on_disk else nullcontext({})


class _Swept(NamedTuple):
    """The result of a sweep for one clip."""

    numbers: range
    outputs: list[Tensor]
    state: State
    ms: float


class _Stored(Sequence[Tensor]):
    """The output of an earlier sweep for the frames of a clip, read on demand."""

    def __init__(self, store: _Store, numbers: range, device: torch.device) -> None:
        self.store, self.numbers, self.device = store, numbers, device

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, i: Any) -> Any:
        return self.store[self.numbers[i]].to(self.device)


class _Sweeps:
    """A network's sweeps through one video.

    The outputs of the earlier sweeps are kept for one segment of the video at a time. This is the
    whole video or, for states in segments, about sqrt(T) frames: the backward sweep then first goes
    through the video only for the states at the segments' ends, and again through each segment.
    """

    def __init__(self, run: NetworkRun, lrs: _Store, length: int) -> None:
        self.run, self.lrs, self.length = run, lrs, length
        *self.hidden, self.last = run.net.sweeps()
        step = length
        if run.states == 'segments':
            if [sweep.backward for sweep in self.hidden] != [True]:
                fail("this network has more than two sweeps: keep its states on 'disk'")
            step = CLIP * math.ceil(math.sqrt(length) / CLIP)
        self.segments = [range(b, min(b + step, length)) for b in range(0, length, step)]
        self.done = 0
        self.total = (len(self.hidden) + 1) * length - len(self.segments[0])

    def srs(self) -> Iterator[tuple[Tensor, float]]:
        ends, ms = self._states_at_ends()
        state: State | None = None
        for segment in self.segments:
            end = ends.pop(segment.stop)
            state = yield from self._segment(segment, state, end, ms / self.length)

    def _segment(
        self, segment: range, state: State | None, end: State | None, ms_ends: float
    ) -> Generator[tuple[Tensor, float], None, State | None]:
        """Yields the SR frames of a segment; returns the last sweep's state after it."""
        with ExitStack() as files:
            stored, ms_stored = self._fill(segment, end, files)
            ms_hidden = ms_ends + ms_stored / len(segment)
            for clip in self._through(self.last, segment, state, stored):
                for sr in clip.outputs:
                    yield sr[0], ms_hidden + clip.ms / len(clip.numbers)
        return clip.state

    def _states_at_ends(self) -> tuple[dict[int, State | None], float]:
        """The backward states at the segments' ends, and the milliseconds for them."""
        ends: dict[int, State | None] = {}
        state: State | None = None
        ms = 0.0
        for segment in reversed(self.segments):
            ends[segment.stop] = state
            if segment.start > 0:
                for clip in self._through(self.hidden[0], segment, state):
                    state = clip.state
                    ms += clip.ms
        return ends, ms

    def _fill(
        self, segment: range, end: State | None, files: ExitStack
    ) -> tuple[list[_Store], float]:
        """The outputs of the earlier sweeps for a segment, and the milliseconds for them."""
        stored: list[_Store] = []
        ms = 0.0
        for hidden in self.hidden:
            store = files.enter_context(_store(self.run.states == 'disk', self.length))
            for clip in self._through(hidden, segment, end, stored):
                for number, output in zip(clip.numbers, clip.outputs, strict=True):
                    store[number] = output
                ms += clip.ms
            stored.append(store)
        return stored, ms

    def _through(
        self, sweep: Sweep, segment: range, state: State | None, stored: Sequence[_Store] = ()
    ) -> Iterator[_Swept]:
        """Yields the result of a sweep for each clip of a segment."""
        run = self.run
        clips = [segment[i : i + CLIP] for i in range(0, len(segment), CLIP)]
        for numbers in reversed(clips) if sweep.backward else clips:
            lrs = run.clip([self.lrs[number] for number in numbers])
            inputs = [_Stored(store, numbers, run.device) for store in stored]
            cond = run.net.condition(lrs, numbers.start, self.length)
            (outputs, state), ms = run.timed(sweep.run, lrs, inputs, state, cond)
            yield _Swept(numbers, outputs, state, ms)
            if sweep is not self.last:
                self.done += len(numbers)
                run.on_hidden(self.done, self.total)
