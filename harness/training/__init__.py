"""Training strategies as MMEngine loops, registered in MMagic's ``LOOPS``."""

from .hooks import FreezeFlowHook, PartialLoadHook
from .loops import ClipTrainLoop, DivergedError, RIBPTTLoop
from .pi_loop import PIBPTTLoop

__all__ = [
    'ClipTrainLoop',
    'DivergedError',
    'FreezeFlowHook',
    'PIBPTTLoop',
    'PartialLoadHook',
    'RIBPTTLoop',
]
