"""Hooks for this project's recipes."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from mmagic.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import nn

from harness.errors import fail
from harness.training.loops import unwrapped_model


@HOOKS.register_module()
class FreezeFlowHook(Hook):
    """Freezes a pre-trained flow network at the beginning, as in BasicVSR's recipe.

    In distributed training the config needs ``find_unused_parameters=True``.

    Args:
        iters: The number of iterations in which the flow network is not trained.
        name: A part of the names of the flow network's parameters.
    """

    def __init__(self, iters: int, name: str = 'spynet') -> None:
        self.iters = iters
        self.name = name

    def before_train(self, runner: Runner) -> None:
        self._set_trainable(runner, runner.iter >= self.iters)

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        if runner.iter == self.iters:
            self._set_trainable(runner, True)

    def _set_trainable(self, runner: Runner, trainable: bool) -> None:
        for name, parameter in unwrapped_model(runner).named_parameters():
            if self.name in name:
                parameter.requires_grad_(trainable)


@HOOKS.register_module()
class PartialLoadHook(Hook):
    """Allows a ``load_from`` with weights of only a part of the model, such as RISTN's first stage.

    Weights that the checkpoint lacks keep their initial values; the log shows how many were loaded
    for each part of the model.

    Raises:
        UserError: Nothing in the checkpoint fits the model, or a weight has another shape.
    """

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        if runner.cfg.get('resume'):
            return
        model, source = unwrapped_model(runner), runner.cfg.load_from
        weights = _names_in(model, checkpoint.get('state_dict', checkpoint))
        try:
            missing, _ = model.load_state_dict(weights, strict=False)
        except RuntimeError as error:  # shapes
            fail(f'load_from={source}: {" ".join(str(error).split())}')
        lacking, wanted = _count_by_part(missing), _count_by_part(model.state_dict())
        if lacking == wanted:
            fail(f'load_from={source}: has no weights of this model')
        got = ', '.join(f'{part} {n - lacking[part]} of {n}' for part, n in wanted.items())
        runner.logger.info(f'load_from={source}: entries loaded: {got}')
        checkpoint['state_dict'] = model.state_dict()


def _names_in(model: nn.Module, weights: dict) -> dict:
    """Renames weights as in wrappers such as ``FrameConditioned``, if the model has them."""
    for prefix in ('generator.', 'generator.net.', 'generator.net.net.'):
        renamed = {k.replace('generator.', prefix, 1): value for k, value in weights.items()}
        if renamed.keys() & model.state_dict().keys():
            return renamed
    return weights


def _count_by_part(names: Iterable[str]) -> Counter[str]:
    """Counts names by part; ``generator.spatial.stages.0...`` belongs to ``generator.spatial``."""
    # PyTorch never reports the counters of batch norm as missing
    names = (name for name in names if not name.endswith('num_batches_tracked'))
    return Counter('.'.join(name.split('.')[:2]) for name in names)
