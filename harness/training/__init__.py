"""Training strategies as MMEngine loops, registered in MMagic's ``LOOPS``."""

from .checkpoints import ClipCheckpointHook
from .diagnostics import StateDiagnosticsHook
from .hooks import FreezeFlowHook, PartialLoadHook
from .loops import ClipTrainLoop, DivergedError, RIBPTTLoop
from .pi_loop import PIBPTTLoop
from .staleness import StalenessHook
from .tbptt_loop import TBPTTLoop
from .validation import StabilityMetric, VideoValLoop

__all__ = [
    'ClipCheckpointHook',
    'ClipTrainLoop',
    'DivergedError',
    'FreezeFlowHook',
    'PIBPTTLoop',
    'PartialLoadHook',
    'RIBPTTLoop',
    'StabilityMetric',
    'StalenessHook',
    'StateDiagnosticsHook',
    'TBPTTLoop',
    'VideoValLoop',
]
