"""Random initial states for training, as the PI-BPTT paper's wording suggests."""

from typing import NamedTuple

import torch
from torch import Tensor

from harness.errors import UserError
from harness.networks.recurrent import RecurrentNet, States
from harness.training.plan import named_rng


def torch_rng(seed: int, name: str, *numbers: int) -> torch.Generator:
    """A separate torch generator for each purpose, see :func:`named_rng`."""
    drawn = named_rng(seed, name, *numbers).integers(2**63 - 1)
    return torch.Generator().manual_seed(int(drawn))


class InitialState(NamedTuple):
    """Draws normally distributed states.

    Attributes:
        std: Their standard deviation.
        seed: The run's seed.
        rank: The rank of this process.
    """

    std: float
    seed: int
    rank: int

    def draw(self, net: RecurrentNet, lrs: Tensor, *numbers: int) -> States:
        """States for videos ``lrs`` (B, T, 3, H, W), determined by the seed and ``numbers``."""
        rng = torch_rng(self.seed, 'initial_state', self.rank, *numbers)
        return net.random_states(lrs, self.std, rng)


def make_initial_state(cfg: dict | None, seed: int, rank: int) -> InitialState | None:
    """Reads ``train_cfg.init_state``.

    Raises:
        UserError: It is neither None nor ``dict(type='normal', std=...)``.
    """
    if cfg is None:
        return None
    if cfg.get('type') != 'normal' or set(cfg) != {'type', 'std'} or not cfg['std'] > 0:
        raise UserError(
            f"train_cfg.init_state: must be None or dict(type='normal', std=...), got {dict(cfg)}"
        )
    return InitialState(cfg['std'], seed, rank)
