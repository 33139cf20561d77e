"""Trains one run with several processes."""

import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path

import torch

from harness.files import read_json

_PR_SET_PDEATHSIG = 1


class TorchrunError(RuntimeError):
    """A training with several processes failed."""


def train_with_torchrun(folder: Path, nproc: int, first_gpu: int = 0) -> None:
    """Trains the run of ``folder`` with ``nproc`` processes on as many GPUs (or on CPUs).

    Raises:
        TorchrunError: with the reason that one of the processes gave.
    """
    error = folder / 'torchrun_error.json'
    error.unlink(missing_ok=True)
    done = subprocess.run(
        [
            *(sys.executable, '-m', 'torch.distributed.run', '--standalone'),
            *(f'--nproc_per_node={nproc}', '-m', 'harness.grid.train_run', str(folder)),
        ],
        env={**os.environ, **_visible_gpus(nproc, first_gpu)},
        preexec_fn=_end_with_parent,
    )
    if done.returncode:
        reason = read_json(error).get('reason', f'torchrun ended with code {done.returncode}')
        raise TorchrunError(reason)


def _visible_gpus(nproc: int, first: int) -> dict[str, str]:
    """The environment that shows torchrun its share of the GPUs; nothing on CPUs."""
    if not torch.cuda.is_available():
        return {}
    named = os.environ.get('CUDA_VISIBLE_DEVICES')
    gpus = named.split(',') if named else [str(i) for i in range(torch.cuda.device_count())]
    if len(gpus) < first + nproc:
        raise TorchrunError(
            f'{nproc} processes from GPU {first} on need {first + nproc} GPUs, there are '
            f'{len(gpus)}: lower --jobs or --nproc'
        )
    return dict(CUDA_VISIBLE_DEVICES=','.join(gpus[first : first + nproc]))


def _end_with_parent() -> None:
    """Has the kernel end torchrun, which ends its processes, when this process is killed."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
