"""Hooks of this project's recipes."""

from mmagic.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper


@HOOKS.register_module()
class FreezeFlowHook(Hook):
    """Keeps a pre-trained flow network fixed at the beginning, as BasicVSR's recipe does.

    In distributed training the config needs ``find_unused_parameters=True``.

    Args:
        iters: iterations without training of the flow network.
        name: part of the flow network's parameter names.
    """

    def __init__(self, iters: int, name: str = 'spynet'):
        self.iters = iters
        self.name = name

    def before_train(self, runner) -> None:
        self._set_trainable(runner, runner.iter >= self.iters)

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        if runner.iter == self.iters:
            self._set_trainable(runner, True)

    def _set_trainable(self, runner, trainable: bool) -> None:
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        for name, parameter in model.named_parameters():
            if self.name in name:
                parameter.requires_grad_(trainable)
