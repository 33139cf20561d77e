"""Trains one run with several processes, started by torchrun."""

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
#: seconds that torchrun waits for its processes after a signal; its 30 may be too few to save
_PATIENCE = dict(TORCH_ELASTIC_SHUTDOWN_TIMEOUT='300')


class TorchrunError(RuntimeError):
    """A training with several processes failed."""


def train_with_torchrun(
    folder: RunFolder, nproc: int, interruption: Interruption, first_gpu: int = 0
) -> None:
    """Trains the run of ``folder`` with ``nproc`` processes on as many GPUs (or on CPUs).

    Args:
        folder: The run's folder.
        nproc: The number of processes.
        interruption: Records signals of this process, which are passed on to torchrun.
        first_gpu: The index of the first GPU to use.

    Raises:
        TorchrunError: A process failed; the message is its reason.
        Interrupted: A signal was received; the processes have written a checkpoint.
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
    """Waits for torchrun and returns its exit code; passes on a signal, once."""
    told = False
    while True:
        try:
            return process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            if interruption.received and not told:
                process.terminate()
                told = True


def _visible_gpus(nproc: int, first: int) -> dict[str, str]:
    """The environment variable that limits torchrun to its share of the GPUs; none on CPUs."""
    if not torch.cuda.is_available():
        return {}
    named = os.environ.get('CUDA_VISIBLE_DEVICES')
    gpus = named.split(',') if named else [str(i) for i in range(torch.cuda.device_count())]
    if len(gpus) < first + nproc:
        raise TorchrunError(
            f'{nproc} processes from GPU {first} on need {first + nproc} GPUs, but there are '
            f'{len(gpus)}: lower --jobs or --nproc'
        )
    return dict(CUDA_VISIBLE_DEVICES=','.join(gpus[first : first + nproc]))


def _prepare() -> None:
    """Makes the kernel end torchrun, and so its processes, if this process is killed.

    Also ignores signals that Slurm sends to all processes of a job: they are meant for torchrun's
    processes, but would kill torchrun itself.
    """
    for number in (signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
