"""Warns of GPUs that the installed PyTorch cannot use."""

import logging
import os
from functools import lru_cache
from pathlib import Path

import torch
from mmengine.logging import print_log

#: has an entry for each GPU if NVIDIA's driver is loaded
_DRIVER = Path('/proc/driver/nvidia/gpus')
_REMEDY = 'install a fitting driver or PyTorch: see "Does it run on my GPU?" in docs/faq.md'


@lru_cache(maxsize=1)
def warn_of_unusable_gpus() -> None:
    """Warns once if this machine has GPUs that cannot be used."""
    if problem := unusable_gpus():
        print_log(f'{problem}; {_REMEDY}', 'current', logging.WARNING)


def unusable_gpus() -> str | None:
    """Why GPUs of this machine cannot be used; None if they can, are hidden, or do not exist."""
    if os.environ.get('CUDA_VISIBLE_DEVICES') in ('', '-1'):
        return None
    built = f'PyTorch {torch.__version__} (CUDA {torch.version.cuda})'
    if not torch.cuda.is_available():
        count = len(list(_DRIVER.iterdir())) if _DRIVER.is_dir() else 0
        return f'{built} cannot use the {count} GPU(s) of this machine' if count else None
    major, minor = torch.cuda.get_device_capability()
    architectures = [
        int(name[3:].rstrip('af')) for name in torch.cuda.get_arch_list() if name.startswith('sm_')
    ]
    if architectures and 10 * major + minor < min(architectures):
        return f'{built} has no code for {torch.cuda.get_device_name()} (sm_{major}{minor})'
    return None
