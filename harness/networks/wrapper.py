"""A recurrent network around another one."""

from mmagic.registry import MODELS

from .recurrent import RecurrentNet


class NetWrapper(RecurrentNet):
    """Does what the network inside does; subclasses change some of it.

    Args:
        net: config of the network inside.
    """

    def __init__(self, net: dict):
        super().__init__()
        self.net = MODELS.build(net)
        self.bidirectional = self.net.bidirectional
        self.look_ahead = self.net.look_ahead

    def state_shapes(self, height, width):
        return self.net.state_shapes(height, width)

    def unroll(self, lrs, states=None, cond=None):
        return self.net.unroll(lrs, states, cond)

    def states_at(self, lrs, starts, ends, cond=None, lengths=None, initial=None):
        return self.net.states_at(lrs, starts, ends, cond, lengths, initial)

    def condition(self, lrs, start):
        return self.net.condition(lrs, start)

    def regularization(self):
        return self.net.regularization()
