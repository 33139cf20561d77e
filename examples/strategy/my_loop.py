"""PI-BPTT with noise on the stored states, so that the network sees states that it did not make."""

import torch
from mmagic.registry import LOOPS

from harness.networks.recurrent import memory_of
from harness.training.pi_loop import PIBPTTLoop


@LOOPS.register_module()
class NoisyPILoop(PIBPTTLoop):
    """Adds Gaussian noise to the memory that each clip starts from.

    Args:
        noise: its standard deviation over the root mean square of each entry of the state.
        kwargs: as of PIBPTTLoop.
    """

    def __init__(self, *args, noise: float = 0.1, **kwargs):
        super().__init__(*args, **kwargs)
        self.noise = noise

    def states_for(self, batch, data):
        states = super().states_for(batch, data)
        # drawn anew for each iteration, the same after a resume
        rng = torch.Generator().manual_seed(self.runner.seed + self.iter)
        for state in states or ():
            for key, x in memory_of(state).items():
                draw = torch.randn(x.shape, generator=rng).to(x)
                state[key] = x + self.noise * x.square().mean().sqrt() * draw
        return states
