"""MMEngine's Runner with strict checks of configs and checkpoints."""

from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper
from mmengine.runner import BaseLoop, Runner
from torch.utils.data import DataLoader

from harness.checkpoints import load_weights, read_checkpoint, weights_of
from harness.config_errors import building
from harness.errors import UserError, fail
from harness.training.loops import ClipTrainLoop

#: what a checkpoint must contain for training to resume as if it had not been interrupted
_OF_TRAINING = ('meta', 'state_dict', 'message_hub', 'optimizer', 'train_loop')


class ClipRunner(Runner):
    """MMEngine's Runner for :class:`ClipTrainLoop`, with one-line errors.

    It builds the same parts as MMEngine's Runner, in the same order. MMEngine loads those weights
    of a checkpoint that fit and logs the rest; here a checkpoint must have exactly the weights of
    the model. Hooks that change a checkpoint when it is loaded, such as :class:`PartialLoadHook`,
    run before this check.

    Raises:
        UserError: An entry of the config cannot be built, or a checkpoint cannot be used.
    """

    _train_dataloader: Any
    _val_dataloader: Any

    @classmethod
    def from_cfg(cls, cfg: Config) -> 'ClipRunner':
        with building(cfg, ''):
            return super().from_cfg(cfg)

    def set_randomness(self, *args: Any, **kwargs: Any) -> None:
        with building(self.cfg, 'randomness'):
            super().set_randomness(*args, **kwargs)

    def build_model(self, model: Any) -> BaseModel:
        with building(self.cfg, 'model'):
            return super().build_model(model)

    def register_default_hooks(self, hooks: dict[str, Hook | dict] | None = None) -> None:
        # None disables a hook, but MMEngine supports this only for its own hooks
        hooks = {k: v for k, v in (hooks or {}).items() if v or k != 'state_diagnostics'}
        with building(self.cfg, 'default_hooks'):
            super().register_default_hooks(hooks)

    def register_custom_hooks(self, hooks: list[Hook | dict]) -> None:
        with building(self.cfg, 'custom_hooks'):
            super().register_custom_hooks(hooks)

    def build_train_loop(self, loop: Any) -> ClipTrainLoop:
        self._train_dataloader = self._build_loader('train_dataloader', self._train_dataloader)
        with building(self.cfg, 'train_cfg'):
            loop = super().build_train_loop(loop)
            if not isinstance(loop, ClipTrainLoop):
                fail(f'train_cfg.type: {type(loop).__name__} does not train on clips')
        return loop

    def build_val_loop(self, loop: Any) -> BaseLoop:
        self._val_dataloader = self._build_loader('val_dataloader', self._val_dataloader)
        with building(self.cfg, 'val_cfg'):
            return super().build_val_loop(loop)

    def _build_loader(self, key: str, loader: Any) -> DataLoader:
        """Builds a loader as loops do, but errors name the loader's key instead of the loop's."""
        with building(self.cfg, key):
            diff_rank_seed = self._randomness_cfg.get('diff_rank_seed', False)
            return self.build_dataloader(loader, seed=self.seed, diff_rank_seed=diff_rank_seed)

    def build_optim_wrapper(self, optim_wrapper: Any) -> OptimWrapper:
        with building(self.cfg, 'optim_wrapper'):
            return super().build_optim_wrapper(optim_wrapper)

    def build_param_scheduler(self, scheduler: Any) -> list | dict:
        with building(self.cfg, 'param_scheduler'):
            return super().build_param_scheduler(scheduler)

    def _init_model_weights(self) -> None:
        with building(self.cfg, 'model init_cfg'):
            super()._init_model_weights()

    def load_checkpoint(self, filename: str, map_location: Any = 'cpu', **_: Any) -> dict:
        """Loads a checkpoint with all weights of the model; ignores MMEngine's other options."""
        key = 'resume' if self._resume else 'load_from'
        checkpoint = read_checkpoint(str(filename), key, map_location)
        if self._resume:
            _check_resumable(checkpoint, filename)
        self.call_hook('after_load_checkpoint', checkpoint=checkpoint)
        weights, mend = weights_of(checkpoint), _mend(self._resume)
        load_weights(self.train_loop.model, weights, filename, key, mend)
        self._has_loaded = True
        self.logger.info(f'Load checkpoint from {filename}')
        return checkpoint

    def resume(self, filename: str, *args: Any, **kwargs: Any) -> None:
        """Resumes training from a checkpoint.

        Raises:
            UserError: It belongs to another training, or to a longer one.
        """
        try:
            super().resume(filename, *args, **kwargs)
        except (UserError, OSError):
            raise
        except Exception as error:  # parts of the checkpoint do not fit this training
            text = ' '.join(str(error).split())
            fail(f'resume={filename}: is of another training: {type(error).__name__}: {text}')
        self._forget_best_of_others()
        if self.iter > self.max_iters:
            fail(
                f'resume={filename}: is of iteration {self.iter}, but train_cfg.max_iters is '
                f'{self.max_iters}'
            )

    def _forget_best_of_others(self) -> None:
        """Forgets best checkpoints in other folders, because MMEngine would delete them later."""
        for key, value in list(self.message_hub.runtime_info.items()):
            ours = isinstance(value, str) and Path(value).parent == Path(self.work_dir)
            if key.startswith('best_ckpt') and not ours:
                self.message_hub.pop_info(key)


def _check_resumable(checkpoint: dict, filename: str) -> None:
    """Checks that training can resume from ``checkpoint``.

    Raises:
        UserError: It cannot.
    """
    missing = [key for key in _OF_TRAINING if not isinstance(checkpoint.get(key), dict)]
    missing += [f'meta.{key}' for key in ('epoch', 'iter') if key not in checkpoint.get('meta', {})]
    if missing:
        fail(
            f'resume={filename}: training cannot resume from it, because it lacks '
            f'{", ".join(missing)}; to start from its weights, use load_from'
        )


def _mend(resumes: bool) -> str:
    if resumes:
        return '. Resume with the code and the config that it was trained with'
    return ". To load a part of the weights, add dict(type='PartialLoadHook') to custom_hooks"
