"""All that configs name of training; importing this fills MMagic's ``LOOPS`` and ``HOOKS``."""

from .checkpoints import ClipCheckpointHook
from .diagnostics import StateDiagnosticsHook
from .hooks import FreezeFlowHook, PartialLoadHook
from .loops import RIBPTTLoop
from .pi_loop import PIBPTTLoop
from .staleness import StalenessHook
from .tbptt_loop import TBPTTLoop
from .validation import StabilityMetric, VideoValLoop

__all__ = [
    'ClipCheckpointHook',
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
