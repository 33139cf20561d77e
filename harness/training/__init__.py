"""Training strategies as MMEngine loops, registered in MMagic's ``LOOPS``."""

from .loops import ClipTrainLoop, DivergedError, RIBPTTLoop
from .pi_loop import PIBPTTLoop

__all__ = ['ClipTrainLoop', 'DivergedError', 'PIBPTTLoop', 'RIBPTTLoop']
