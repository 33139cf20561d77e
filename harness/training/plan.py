"""Plans what an epoch trains on, as a pure function of seed, epoch and rank.

Because nothing depends on earlier draws, a run that resumes at any iteration sees exactly the clips
that an uninterrupted run would see.
"""

import zlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from harness.clip_limits import Videos, clip_problems
from harness.data import ClipIndex, Window
from harness.errors import UserError


class PlanError(UserError, ValueError):
    """The training set cannot provide such clips, crops or batches."""


def named_rng(seed: int, name: str, *numbers: int) -> np.random.Generator:
    """A separate random generator for each purpose, so that one draw does not affect others."""
    return np.random.default_rng([seed, zlib.crc32(name.encode()), *numbers])


class ClipPlan(NamedTuple):
    """One clip of a batch.

    Attributes:
        entry: The entry (window) from which it is cut.
        repeat: Its number among the entry's clips.
        index: Its position.
    """

    entry: int
    repeat: int
    index: ClipIndex  # type: ignore[assignment]  # hides tuple.index


class EpochPlan(NamedTuple):
    """The plan of an epoch on one rank.

    Attributes:
        entries: Windows of whole videos; their clip index spans all T frames, LR only.
        batches: The clips of each iteration.
    """

    entries: list[ClipIndex]
    batches: list[list[ClipPlan]]

    def boundaries(self) -> list[np.ndarray]:
        """For each entry, the start frames of its clips by repeat; [0] if it has no clips."""
        starts: list[list[int]] = [[] for _ in self.entries]
        for batch in self.batches:
            for clip in batch:
                starts[clip.entry].append(clip.index.start)
        return [np.array(s or [0]) for s in starts]


class Planner:
    """Plans epochs of ``repeats`` clips for each of N entries.

    An entry is a (video, window) pair; each video has ``windows_per_video`` of them. If the batch
    size does not divide the number of clips of an epoch, the remainder is carried over to the next
    epoch, so that the mean number of iterations per epoch is exact.

    Args:
        videos: The training set.
        clip_length: The frames l of a clip.
        crop_size: The side of the square window in LR pixels.
        batch_size: Clips per iteration on one rank.
        seed: The run's seed.
        repeats: The clips R per entry and epoch.
        windows_per_video: Windows per video and epoch.
        fixed_windows: Whether all clips of an entry share its window (PI); otherwise each clip
            draws its own.
        rank, world_size: In distributed training, each rank gets an equal share of the entries,
            which is drawn anew in each epoch.

    Raises:
        PlanError: The training set cannot provide such clips, see
            :func:`~harness.clip_limits.clip_problems`.
    """

    def __init__(
        self,
        videos: Videos,
        clip_length: int,
        crop_size: int,
        batch_size: int,
        seed: int,
        repeats: int = 1,
        windows_per_video: int = 1,
        fixed_windows: bool = False,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.videos = videos
        self.clip_length = clip_length
        self.crop_size = crop_size
        self.batch_size = batch_size
        self.seed = seed
        self.repeats = repeats
        self.windows_per_video = windows_per_video
        self.fixed_windows = fixed_windows
        self.rank = rank
        self.world_size = world_size
        self.all_entries = np.repeat(np.arange(len(videos.lengths)), windows_per_video)
        self.num_entries = len(self.all_entries) // world_size
        problems = clip_problems(
            videos, clip_length, crop_size, batch_size, windows_per_video, world_size, repeats
        )
        if problems:
            raise PlanError('; '.join(f'{key}: {text}' for key, text in problems.items()))

    def first_iteration(self, epoch: int) -> int:
        """The number of iterations before ``epoch`` (0-based)."""
        return epoch * self.num_entries * self.repeats // self.batch_size

    def epoch_of(self, iteration: int) -> int:
        """The epoch to which ``iteration`` (0-based) belongs."""
        epoch = iteration * self.batch_size // (self.num_entries * self.repeats)
        while self.first_iteration(epoch + 1) <= iteration:
            epoch += 1
        return epoch

    def plan(self, epoch: int) -> EpochPlan:
        """Draws windows, clips and their order for one epoch."""
        # the same draw on all ranks, of which each takes its share
        dealt = named_rng(self.seed, 'entries', epoch).permutation(len(self.all_entries))
        mine = dealt[: self.num_entries * self.world_size][self.rank :: self.world_size]
        rng = named_rng(self.seed, 'clips', epoch, self.rank)
        entries = [self._draw_entry(rng, int(self.all_entries[i])) for i in mine]
        count = self.first_iteration(epoch + 1) - self.first_iteration(epoch)
        drawn = np.zeros(len(entries), int)
        batches = []
        for picked in self._pick_batches(rng, count):
            batches.append([self._draw_clip(rng, entries, e, int(drawn[e])) for e in picked])
            drawn[picked] += 1
        return EpochPlan(entries, batches)

    def _pick_batches(self, rng: np.random.Generator, count: int) -> Iterator[np.ndarray]:
        """Yields ``count`` batches of distinct entries; all entries are used equally often +-1."""
        left = np.zeros(self.num_entries, int)
        left += count * self.batch_size // self.num_entries
        left[rng.permutation(self.num_entries)[: count * self.batch_size % self.num_entries]] += 1
        for _ in range(count):
            # entries with most clips left first (random among equals); otherwise the last batches
            # might lack distinct entries
            order = np.lexsort((rng.random(self.num_entries), -left))
            picked = order[: self.batch_size]
            left[picked] -= 1
            yield picked

    def _draw_window(self, rng: np.random.Generator, video: int) -> Window:
        return Window.draw(rng, self.videos.lr_sizes[video], self.crop_size)

    def _draw_entry(self, rng: np.random.Generator, video: int) -> ClipIndex:
        window = self._draw_window(rng, video)
        return ClipIndex(video, window, 0, self.videos.lengths[video], with_gt=False)

    def _draw_clip(
        self, rng: np.random.Generator, entries: list[ClipIndex], entry: int, repeat: int
    ) -> ClipPlan:
        video, window = entries[entry].video, entries[entry].window
        if not self.fixed_windows:
            window = self._draw_window(rng, video)
        start = int(rng.integers(0, self.videos.lengths[video] - self.clip_length + 1))
        return ClipPlan(int(entry), repeat, ClipIndex(video, window, start, self.clip_length))
