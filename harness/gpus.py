"""GPUs that are there, but that the installed PyTorch cannot use."""

import logging
import os
from functools import lru_cache
from pathlib import Path

import torch
from mmengine.logging import print_log

#: an entry for each GPU, where NVIDIA's driver is loaded
_DRIVER = Path('/proc/driver/nvidia/gpus')
_REMEDY = 'install a driver or a PyTorch that fit: see "Does it run on my GPU?" in docs/faq.md'


@lru_cache(maxsize=1)
def warn_of_unusable_gpus() -> None:
    """Says once, if it is so, that work goes on without a GPU that is there."""
    if problem := unusable_gpus():
        print_log(f'{problem}; {_REMEDY}', 'current', logging.WARNING)


def unusable_gpus() -> str | None:
    """Why the GPUs of this machine cannot be used; None where they can, are hidden or are none."""
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
