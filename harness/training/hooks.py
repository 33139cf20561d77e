"""Hooks of this project's recipes."""

from collections import Counter

from mmagic.registry import HOOKS
from mmengine.hooks import Hook
from torch import nn

from harness.errors import fail
from harness.training.loops import unwrapped_model


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
        for name, parameter in unwrapped_model(runner).named_parameters():
            if self.name in name:
                parameter.requires_grad_(trainable)


@HOOKS.register_module()
class PartialLoadHook(Hook):
    """For a ``load_from`` that has weights of a part of the model, as RISTN's first stage gives it.

    What the checkpoint lacks keeps its initial values; the log says how much each part of the model
    got. MMEngine alone would list every missing name, and go on without any.

    Raises:
        UserError: nothing in the checkpoint fits the model, or a weight has another shape.
    """

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
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
    """The weights under the names that they have in wrappers, such as ``FrameConditioned``."""
    for prefix in ('generator.', 'generator.net.', 'generator.net.net.'):
        renamed = {k.replace('generator.', prefix, 1): value for k, value in weights.items()}
        if renamed.keys() & model.state_dict().keys():
            return renamed
    return weights


def _count_by_part(names) -> Counter:
    """``generator.spatial.stages.0...`` belongs to part ``generator.spatial``."""
    # PyTorch does not miss the counters of batch norm
    names = (name for name in names if not name.endswith('num_batches_tracked'))
    return Counter('.'.join(name.split('.')[:2]) for name in names)
