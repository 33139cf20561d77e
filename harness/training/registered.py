"""Imports all training classes that configs name, which fills MMagic's ``LOOPS`` and ``HOOKS``."""

from harness.training.burn_in_loop import BurnInLoop
from harness.training.checkpoints import ClipCheckpointHook
from harness.training.diagnostics import StateDiagnosticsHook
from harness.training.hooks import FreezeFlowHook, PartialLoadHook
from harness.training.loops import RIBPTTLoop
from harness.training.pi_loop import PIBPTTLoop
from harness.training.pool_loop import PoolLoop
from harness.training.staleness import StalenessHook
from harness.training.tbptt_loop import TBPTTLoop
from harness.training.validation import StabilityMetric, VideoValLoop

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
