"""What an epoch trains on, as a pure function of seed, epoch and rank.

Because nothing here depends on what was drawn before, a run that resumes at any iteration goes on
with exactly the clips that an uninterrupted run would see.
"""

import zlib
from typing import NamedTuple

import numpy as np

from harness.clip_limits import Videos, clip_problems
from harness.data import ClipIndex, Window
from harness.errors import UserError


class PlanError(UserError, ValueError):
    """Clips, crops or batches that the training set cannot give."""


def named_rng(seed: int, name: str, *numbers: int) -> np.random.Generator:
    """A random generator of its own for each purpose, so that changing one draw moves no other."""
    return np.random.default_rng([seed, zlib.crc32(name.encode()), *numbers])


class ClipPlan(NamedTuple):
    """One clip of a batch: the entry (window) it is cut from, its repeat, and where it lies."""

    entry: int
    repeat: int
    index: ClipIndex


class EpochPlan(NamedTuple):
    """``entries`` are whole-video windows (their clip index spans all T frames, LR only);
    ``batches`` the clips of each iteration."""

    entries: list[ClipIndex]
    batches: list[list[ClipPlan]]

    def boundaries(self) -> list[np.ndarray]:
        """The start frames of each entry's clips, by repeat; 0 for an entry without clips."""
        starts: list[list[int]] = [[] for _ in self.entries]
        for batch in self.batches:
            for clip in batch:
                starts[clip.entry].append(clip.index.start)
        return [np.array(s or [0]) for s in starts]


class Planner:
    """Plans epochs of ``entries`` windows x ``repeats`` clips.

    An entry is a (video, window) pair; each video has ``windows_per_video`` of them. Where the
    batch size does not divide the number of clips of an epoch, the remainder is carried into the
    next epoch, so that the mean number of iterations per epoch is exact.

    Args:
        videos: the training set.
        clip_length: frames l of a clip.
        crop_size: side of the square window in LR pixels.
        batch_size: clips of one iteration on one rank.
        seed: the run's seed.
        repeats: clips R that each entry gives in an epoch.
        windows_per_video: windows drawn of each video.
        fixed_windows: all clips of an entry share its window (PI); otherwise each draws its own.
        rank, world_size: in distributed training each rank owns an equal share of the entries,
            dealt anew each epoch.

    Raises:
        PlanError: the training set cannot give such clips, see
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
    ):
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
        """Number of iterations before ``epoch`` (0-based)."""
        return epoch * self.num_entries * self.repeats // self.batch_size

    def epoch_of(self, iteration: int) -> int:
        """The epoch that iteration ``iteration`` (0-based) belongs to."""
        epoch = iteration * self.batch_size // (self.num_entries * self.repeats)
        while self.first_iteration(epoch + 1) <= iteration:
            epoch += 1
        return epoch

    def plan(self, epoch: int) -> EpochPlan:
        """Draws windows, clips and their order for one epoch."""
        # the same on all ranks, then each takes its share
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

    def _pick_batches(self, rng, count):
        """``count`` batches of distinct entries; all entries come equally often (+-1)."""
        left = np.zeros(self.num_entries, int)
        left += count * self.batch_size // self.num_entries
        left[rng.permutation(self.num_entries)[: count * self.batch_size % self.num_entries]] += 1
        for _ in range(count):
            # those with most clips left first (random among equals), or the last batches could
            # not be filled with distinct entries
            order = np.lexsort((rng.random(self.num_entries), -left))
            picked = order[: self.batch_size]
            left[picked] -= 1
            yield picked

    def _draw_window(self, rng, video) -> Window:
        return Window.draw(rng, self.videos.lr_sizes[video], self.crop_size)

    def _draw_entry(self, rng, video) -> ClipIndex:
        window = self._draw_window(rng, video)
        return ClipIndex(video, window, 0, self.videos.lengths[video], with_gt=False)

    def _draw_clip(self, rng, entries, entry, repeat) -> ClipPlan:
        video, window = entries[entry].video, entries[entry].window
        if not self.fixed_windows:
            window = self._draw_window(rng, video)
        start = int(rng.integers(0, self.videos.lengths[video] - self.clip_length + 1))
        return ClipPlan(int(entry), repeat, ClipIndex(video, window, start, self.clip_length))
