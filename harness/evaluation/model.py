"""Building a trained model for evaluation."""

from pathlib import Path

import torch
from mmagic.registry import MODELS
from mmengine.config import Config

import harness.networks.zoo  # noqa: F401  (fills the registry)
from harness.checkpoints import FOREIGN, load_weights, read_weights
from harness.config_errors import building, check_model
from harness.configs import import_custom_modules
from harness.gpus import warn_of_unusable_gpus


def default_device() -> torch.device:
    """The current GPU, or the CPU where there is none."""
    warn_of_unusable_gpus()
    return torch.device('cuda' if torch.cuda.is_available() else 'cpu')


def load_model(cfg: Config, checkpoint: str | Path | None, device: torch.device) -> torch.nn.Module:
    """The model of a config on ``device``, with the weights of ``checkpoint`` if one is given.

    Raises:
        UserError: the model cannot be built, or the checkpoint cannot be read or does not fit it.
    """
    torch.set_flush_denormal(True)
    import_custom_modules(cfg)
    with building(cfg, 'model'):
        check_model(cfg)
        model = MODELS.build(cfg.model)
    if checkpoint:
        source = str(checkpoint)
        load_weights(model, read_weights(source, 'checkpoint'), source, 'checkpoint', FOREIGN)
    return model.to(device).eval()


def learns(module: torch.nn.Module) -> bool:
    """Whether a module has weights, so that it is of no use without a checkpoint."""
    return any(True for _ in module.parameters())
