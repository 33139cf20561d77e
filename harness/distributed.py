"""Starts a process group on GPUs or, unlike MMEngine, on CPUs."""

import torch
from mmengine.dist import init_dist, is_distributed

from harness.errors import fail


def init_distributed(launcher: str) -> None:
    """Joins the process group that ``launcher`` (none, pytorch or slurm) has prepared.

    MMEngine's ``init_dist`` requires a GPU. Without one, this function starts gloo, and the Runner
    uses the existing group.

    Raises:
        UserError: The launcher needs a GPU and there is none.
    """
    if launcher == 'none' or is_distributed():
        return
    if torch.cuda.is_available():
        init_dist(launcher, backend='nccl')
    elif launcher == 'pytorch':
        torch.distributed.init_process_group('gloo')
    else:
        fail(f'--launcher {launcher} needs GPUs; on CPUs use torchrun and --launcher pytorch')
