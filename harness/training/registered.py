"""All that configs name of training; importing this fills MMagic's ``LOOPS`` and ``HOOKS``."""

from .burn_in_loop import BurnInLoop
from .checkpoints import ClipCheckpointHook
from .diagnostics import StateDiagnosticsHook
from .hooks import FreezeFlowHook, PartialLoadHook
from .loops import RIBPTTLoop
from .pi_loop import PIBPTTLoop
from .pool_loop import PoolLoop
from .staleness import StalenessHook
from .tbptt_loop import TBPTTLoop
from .validation import StabilityMetric, VideoValLoop

__all__ = [
    'BurnInLoop',
    'ClipCheckpointHook',
    'FreezeFlowHook',
    'PIBPTTLoop',
    'PoolLoop',
    'PartialLoadHook',
    'RIBPTTLoop',
    'StabilityMetric',
    'StalenessHook',
    'StateDiagnosticsHook',
    'TBPTTLoop',
    'VideoValLoop',
]
