"""MMEngine's Runner, strict with configs and checkpoints."""

from pathlib import Path

from mmengine.config import Config
from mmengine.runner import Runner

from harness.checkpoints import load_weights, read_checkpoint, weights_of
from harness.config_errors import building
from harness.errors import UserError, fail
from harness.training.loops import ClipTrainLoop

#: what a checkpoint must have for a training to go on as if it had not been interrupted
_OF_TRAINING = ('meta', 'state_dict', 'message_hub', 'optimizer', 'train_loop')


class ClipRunner(Runner):
    """MMEngine's Runner for :class:`ClipTrainLoop`; what it cannot use is one line.

    It builds what MMEngine's builds, in the same order. A checkpoint must have all the weights of
    the model and no others, where MMEngine goes on with those that fit and logs the rest; a hook
    that changes it when it is loaded, as :class:`PartialLoadHook` does, comes before that.

    Raises:
        UserError: an entry of the config cannot be built, or a checkpoint cannot be used.
    """

    @classmethod
    def from_cfg(cls, cfg: Config) -> 'ClipRunner':
        with building(cfg, ''):
            return super().from_cfg(cfg)

    def set_randomness(self, *args, **kwargs):
        with building(self.cfg, 'randomness'):
            super().set_randomness(*args, **kwargs)

    def build_model(self, model):
        with building(self.cfg, 'model'):
            return super().build_model(model)

    def register_default_hooks(self, hooks=None):
        # MMEngine takes None for its own ones only
        hooks = {k: v for k, v in (hooks or {}).items() if v or k != 'state_diagnostics'}
        with building(self.cfg, 'default_hooks'):
            super().register_default_hooks(hooks)

    def register_custom_hooks(self, hooks):
        with building(self.cfg, 'custom_hooks'):
            super().register_custom_hooks(hooks)

    def build_train_loop(self, loop):
        self._train_dataloader = self._build_loader('train_dataloader', self._train_dataloader)
        with building(self.cfg, 'train_cfg'):
            loop = super().build_train_loop(loop)
            if not isinstance(loop, ClipTrainLoop):
                fail(f'train_cfg.type: {type(loop).__name__} does not train on clips')
        return loop

    def build_val_loop(self, loop):
        self._val_dataloader = self._build_loader('val_dataloader', self._val_dataloader)
        with building(self.cfg, 'val_cfg'):
            return super().build_val_loop(loop)

    def _build_loader(self, key: str, loader):
        """As loops do it, under the key of the loader instead of theirs."""
        with building(self.cfg, key):
            diff_rank_seed = self._randomness_cfg.get('diff_rank_seed', False)
            return self.build_dataloader(loader, seed=self.seed, diff_rank_seed=diff_rank_seed)

    def build_optim_wrapper(self, optim_wrapper):
        with building(self.cfg, 'optim_wrapper'):
            return super().build_optim_wrapper(optim_wrapper)

    def build_param_scheduler(self, scheduler):
        with building(self.cfg, 'param_scheduler'):
            return super().build_param_scheduler(scheduler)

    def _init_model_weights(self):
        with building(self.cfg, 'model init_cfg'):
            super()._init_model_weights()

    def load_checkpoint(self, filename, map_location='cpu', **_):
        """Reads a checkpoint and gives the model its weights, all of them; the options of MMEngine
        that say otherwise are ignored."""
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

    def resume(self, filename, *args, **kwargs):
        """Goes on from a checkpoint.

        Raises:
            UserError: it is none of this training, or of a longer one.
        """
        try:
            super().resume(filename, *args, **kwargs)
        except (UserError, OSError):
            raise
        except Exception as error:  # parts of the checkpoint are those of another training
            text = ' '.join(str(error).split())
            fail(f'resume={filename}: is of another training: {type(error).__name__}: {text}')
        self._forget_best_of_others()
        if self.iter > self.max_iters:
            fail(
                f'resume={filename}: holds iteration {self.iter}, and train_cfg.max_iters is '
                f'{self.max_iters}'
            )

    def _forget_best_of_others(self) -> None:
        """MMEngine deletes the best checkpoint once there is a better one, wherever it is."""
        for key, value in list(self.message_hub.runtime_info.items()):
            ours = isinstance(value, str) and Path(value).parent == Path(self.work_dir)
            if key.startswith('best_ckpt') and not ours:
                self.message_hub.pop_info(key)


def _check_resumable(checkpoint: dict, filename: str) -> None:
    """Raises UserError if a training cannot go on from ``checkpoint``."""
    missing = [key for key in _OF_TRAINING if not isinstance(checkpoint.get(key), dict)]
    missing += [f'meta.{key}' for key in ('epoch', 'iter') if key not in checkpoint.get('meta', {})]
    if missing:
        fail(
            f'resume={filename}: no training can go on from it, it has no {", ".join(missing)}; to '
            'begin with its weights, give it as load_from'
        )


def _mend(resumes: bool) -> str:
    if resumes:
        return '. Resume with the code and the config that it was trained with'
    return ". To begin with a part of the weights, add dict(type='PartialLoadHook') to custom_hooks"
