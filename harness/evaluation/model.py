"""Builds a trained model for evaluation."""

from pathlib import Path

import torch
from mmagic.registry import MODELS
from mmengine.config import Config

import harness.networks.zoo  # noqa: F401  (fills the registry)
from harness.checkpoints import FOREIGN, load_weights, read_weights
from harness.config_errors import building, check_model
from harness.configs import import_custom_modules
from harness.gpus import warn_of_unusable_gpus
from harness.networks.model import RecurrentVSR


def default_device() -> torch.device:
    """The current GPU, or the CPU if there is none."""
    warn_of_unusable_gpus()
    return torch.device('cuda' if torch.cuda.is_available() else 'cpu')


def load_model(cfg: Config, checkpoint: str | Path | None, device: torch.device) -> RecurrentVSR:
    """Builds the model of a config for evaluation.

    Args:
        cfg: The config.
        checkpoint: A file or URL of weights; None for random ones.
        device: The device for the model.

    Returns:
        The model in evaluation mode.

    Raises:
        UserError: The model cannot be built, or the checkpoint cannot be read or does not fit.
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
    """Whether a module has parameters, and so is useless without a checkpoint."""
    return any(True for _ in module.parameters())
