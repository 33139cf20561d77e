"""Building a trained model for evaluation."""

from pathlib import Path
from typing import Optional, Union

import torch
from mmagic.registry import MODELS
from mmengine.config import Config
from mmengine.runner import load_checkpoint

import harness.networks  # noqa: F401  (fills the registry)
from harness.checkpoints import loading
from harness.configs import import_custom_modules


def default_device() -> torch.device:
    """The current GPU, or the CPU where there is none."""
    return torch.device('cuda' if torch.cuda.is_available() else 'cpu')


def load_model(
    cfg: Config, checkpoint: Optional[Union[str, Path]], device: torch.device
) -> torch.nn.Module:
    """The model of a config on ``device``, with the weights of ``checkpoint`` if one is given.

    Raises:
        UserError: the checkpoint cannot be read or does not fit the model.
    """
    torch.set_flush_denormal(True)
    import_custom_modules(cfg)
    model = MODELS.build(cfg.model)
    if checkpoint:
        with loading(str(checkpoint), 'checkpoint'):
            load_checkpoint(model, str(checkpoint), map_location='cpu', strict=True)
    return model.to(device).eval()
