"""Trains one run with several processes."""

import ctypes
import os
import signal
import subprocess
import sys

import torch

from harness.runs.files import read_json
from harness.runs.folder import RunFolder
from harness.training.interruption import Interruption

_PR_SET_PDEATHSIG = 1
#: seconds that torchrun gives its processes after a signal; 30 may be too few for a checkpoint
_PATIENCE = dict(TORCH_ELASTIC_SHUTDOWN_TIMEOUT='300')


class TorchrunError(RuntimeError):
    """A training with several processes failed."""


def train_with_torchrun(
    folder: RunFolder, nproc: int, interruption: Interruption, first_gpu: int = 0
) -> None:
    """Trains the run of ``folder`` with ``nproc`` processes on as many GPUs (or on CPUs).

    Raises:
        TorchrunError: with the reason that one of the processes gave.
        Interrupted: a signal came; the processes have written a checkpoint.
    """
    error = folder.torchrun_error
    error.unlink(missing_ok=True)
    process = subprocess.Popen(
        [
            *(sys.executable, '-m', 'torch.distributed.run', '--standalone'),
            *(f'--nproc_per_node={nproc}', '-m', 'harness.grid.train_process', str(folder.path)),
        ],
        env={**os.environ, **_visible_gpus(nproc, first_gpu), **_PATIENCE},
        preexec_fn=_prepare,
    )
    code = _wait(process, interruption)
    if code:
        interruption.check()
        reason = read_json(error).get('reason', f'torchrun ended with code {code}')
        raise TorchrunError(reason)


def _wait(process: subprocess.Popen, interruption: Interruption) -> int:
    """The exit code; torchrun tells its processes of a signal."""
    told = False
    while True:
        try:
            return process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            if interruption.received and not told:
                process.terminate()
                told = True


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


def _prepare() -> None:
    """Has the kernel end torchrun, which ends its processes, when this process is killed.

    Slurm signals all processes of a job; torchrun itself would die of what its processes heed.
    """
    for number in (signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
