"""The feed-forward pass of PI-BPTT over whole windows (Mori and Ukita, Sec. IV-A)."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from harness.data import ClipIndex, PlannedSampler, VideoClipDataset, prefetch
from harness.networks.recurrent import RecurrentNet, States
from harness.training.state_bank import StateBank

#: computes the initial states (1, ...) of an entry from its number and LR window (1, T, 3, h, w)
MakeInitial = Callable[[int, Tensor], States | None]


class StatePass:
    """Passes LR windows through a network and stores the states at given boundaries.

    Only the frames that lead to these states are read, by a thread or by worker processes while
    the network computes. Windows that need similar numbers of frames share a batch; shorter ones
    are padded.

    Args:
        dataset: The training set.
        clip_length: The frames l of a clip; the backward state of a clip is l frames after its
            start.
        batch_size: The number of windows that go through the network together.
        num_workers: The number of worker processes that read.
        persistent_workers, pin_memory: As in PyTorch's ``DataLoader``.
    """

    def __init__(
        self,
        dataset: VideoClipDataset,
        clip_length: int,
        batch_size: int,
        num_workers: int = 0,
        persistent_workers: bool = False,
        pin_memory: bool = False,
    ) -> None:
        self.clip_length = clip_length
        self.batch_size = batch_size
        self.loader = window_loader(dataset, num_workers, persistent_workers, pin_memory)

    def run(
        self,
        net: RecurrentNet,
        preprocess: Callable[[dict], dict],
        entries: Sequence[ClipIndex],
        starts: Sequence[np.ndarray],
        bank: StateBank,
        make_initial: MakeInitial | None = None,
        on_batch: Callable[[], None] | None = None,
    ) -> None:
        """Fills ``bank`` with the states of ``net`` for clips that begin at ``starts``.

        Args:
            net: The network in eval mode; batch norm must not use or update batch statistics here.
            preprocess: Moves a batch of windows to the device and scales it to [0, 1].
            entries: The windows.
            starts: For each entry, the start frames of its clips, one per slot in the bank.
            bank: Receives the states.
            make_initial: Computes the initial states of the windows (default: zeros).
            on_batch: Called after each batch of windows.
        """
        frames = [self._frames_needed(net, *pair) for pair in zip(entries, starts, strict=True)]
        order = sorted(range(len(entries)), key=frames.__getitem__)
        groups = [order[i : i + self.batch_size] for i in range(0, len(order), self.batch_size)]
        batches = [[entries[e]._replace(length=frames[e]) for e in group] for group in groups]
        plan_windows(self.loader, batches)
        for group, data in zip(groups, prefetch(self.loader), strict=True):
            lengths = data.pop('lengths')  # they and the boundaries stay on the CPU
            data = preprocess(data)
            lrs = data['inputs']
            begin = _pad([starts[e] for e in group])
            states = net.states_at(
                lrs,
                begin,
                begin + self.clip_length,
                net.condition(lrs, 0, data['length']),
                lengths,
                _stack(make_initial(e, lrs[i : i + 1]) for i, e in enumerate(group))
                if make_initial
                else None,
            )
            for i, e in enumerate(group):
                bank.put(e, _of_sample(states, i, len(starts[e])))
            if on_batch:
                on_batch()

    def _frames_needed(self, net: RecurrentNet, entry: ClipIndex, starts: np.ndarray) -> int:
        """The number of frames that lead to the states: all of them for bidirectional networks."""
        if net.bidirectional:
            return entry.length
        last = int(starts.max())
        if net.look_ahead:
            return min(last + self.clip_length + net.look_ahead, entry.length)
        return max(last, 1)


def _of_sample(states: States, number: int, count: int) -> States:
    """The states at the first ``count`` boundaries of one sample."""
    return states.map(lambda x: x[number, :count])


def window_loader(
    dataset: VideoClipDataset, num_workers: int, persistent_workers: bool, pin_memory: bool
) -> DataLoader:
    """A loader of batches of LR windows, which :func:`plan_windows` sets."""
    return DataLoader(
        dataset,
        batch_sampler=PlannedSampler(),
        num_workers=num_workers,
        collate_fn=pad_windows,
        persistent_workers=persistent_workers,
        pin_memory=pin_memory,
    )


def plan_windows(loader: DataLoader, batches: list[list[ClipIndex]]) -> None:
    """Sets the batches that a loader made by :func:`window_loader` reads next."""
    sampler: Any = loader.batch_sampler
    sampler.plan = batches


def pad_windows(samples: list[dict]) -> dict:
    """Batches windows of different lengths; shorter ones repeat their last frame.

    Returns:
        A dict of ``inputs`` (B, T, 3, h, w), ``lengths`` (B,): the frames of each window, ``start``
        (B,): the number of its first frame, and ``length`` (B,): the frames of its whole video.
    """
    windows = [sample['inputs'] for sample in samples]
    longest = max(map(len, windows))
    padded = [torch.cat([w, w[-1:].expand(longest - len(w), *w.shape[1:])]) for w in windows]
    return dict(
        inputs=torch.stack(padded),
        lengths=torch.tensor([len(w) for w in windows]),
        start=torch.stack([sample['start'] for sample in samples]),
        length=torch.stack([sample['length'] for sample in samples]),
    )


def _pad(boundaries: list[np.ndarray]) -> Tensor:
    """Boundaries as (B, R); entries with fewer clips repeat their last boundary."""
    longest = max(map(len, boundaries))
    padded = [np.pad(b, (0, longest - len(b)), mode='edge') for b in boundaries]
    return torch.from_numpy(np.stack(padded))


def _stack(states: Iterable[States | None]) -> States:
    """Joins the states of single samples into one batch."""
    directions = []
    for parts in zip(*(state or States() for state in states), strict=True):
        keys = parts[0]
        directions.append(keys and {k: torch.cat([part[k] for part in parts]) for k in keys})
    return States(*directions)
