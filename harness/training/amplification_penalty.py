"""The option ``amplification_weight`` of all loops."""

import math
from typing import Any

from mmengine.dist import get_rank
from mmengine.optim import AmpOptimWrapper
from mmengine.runner import Runner

from harness.errors import fail
from harness.networks.amplification import Amplification
from harness.networks.recurrent import RecurrentNet, memory_of
from harness.training.plan import named_rng


class AmplificationPenalty:
    """The penalty that each step adds to its losses, see :mod:`harness.networks.amplification`.

    Args:
        weight: The weight of the penalty; 0 for none.
        net: The network.

    Raises:
        UserError: The weight is not a number in [0, inf), or the network has no memory.
    """

    def __init__(self, weight: Any, net: RecurrentNet) -> None:
        if type(weight) not in (int, float) or not 0 <= weight < math.inf:
            fail(f'train_cfg.amplification_weight: {weight!r} is not a number in [0, inf)')
        if weight and not (net.has_states and any(map(memory_of, net.state_shapes(8, 8)))):
            fail(
                f'train_cfg.amplification_weight: {type(net).__name__} has no memory in which a '
                'perturbation could grow'
            )
        self.weight = weight

    def of_step(self, runner: Runner, seed: int, iteration: int) -> dict[str, Amplification]:
        """The model's arguments for the penalty in an iteration (0-based); empty without one.

        Raises:
            UserError: The training uses half precision.
        """
        if not self.weight:
            return {}
        if isinstance(runner.optim_wrapper, AmpOptimWrapper):
            fail(
                'train_cfg.amplification_weight: a small perturbation is lost in the half '
                'precision of AmpOptimWrapper: use OptimWrapper'
            )
        rng = named_rng(seed, 'amplification', iteration, get_rank())
        return dict(amplification=Amplification(self.weight, int(rng.integers(2**63 - 1))))
