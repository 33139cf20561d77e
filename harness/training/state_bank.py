"""The hidden states of an epoch, kept for the clips that will start from them."""

import torch

from harness.networks.recurrent import States


class StateBank:
    """States by (entry, repeat), on the device that computed them."""

    def __init__(self):
        self._states: dict[int, States] = {}

    def put(self, entry: int, states: States) -> None:
        """Stores the states of one entry; tensors begin with R."""
        self._states[entry] = states

    def take(self, entries: list[int], repeats: list[int]) -> States:
        """A batch of states; tensors begin with B."""
        chosen = [
            self._states[entry].map(lambda x, r=repeat: x[r])
            for entry, repeat in zip(entries, repeats, strict=True)
        ]
        directions = []
        for parts in zip(*chosen, strict=True):
            keys = parts[0]
            directions.append(keys and {k: torch.stack([part[k] for part in parts]) for k in keys})
        return States(*directions)

    def norms(self) -> dict[int, float]:
        """Root mean square of each entry's states; not finite if any state is not."""
        return {entry: _largest_rms(states) for entry, states in self._states.items()}


def _largest_rms(states: States) -> float:
    tensors = [x for state in states if state for x in state.values()]
    # unlike Python's max, torch's lets NaN through
    return float(torch.stack([x.float().square().mean().sqrt() for x in tensors]).max())
