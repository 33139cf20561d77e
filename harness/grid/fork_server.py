"""Processes forked from a server that has imported MMagic once.

The server has started neither OpenMP nor CUDA, so that its children may use both; a child begins
its work within a moment instead of the 10 s that the import takes.
"""

import multiprocessing
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from typing import Any

from harness.errors import fail
from harness.grid.launchers import worker_environment
from harness.mmagic_on_demand import check_installed

#: what the server imports before it forks
PRELOADED = ['harness.grid.unsignalled', 'harness.grid.worker']
_LITTLE_MEMORY = 'is memory limited (ulimit -v, a container)?'


def fork_context(threads: int) -> multiprocessing.context.BaseContext:
    """The context whose processes start fast.

    Args:
        threads: CPU threads of each process; what the first call says holds for all.

    Raises:
        UserError: MMagic is not installed, or the path of the folder for temporary files is too
            long.
    """
    check_installed()
    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload(PRELOADED)
    with _environment(
        OMP_NUM_THREADS=str(threads),
        # MMEngine asks for GPUs when it is imported; asked through CUDA, forks could not use them
        PYTORCH_NVML_BASED_CUDA_CHECK='1',
        **worker_environment(),
    ):
        try:
            forkserver.ensure_running()
        except OSError as error:  # not raised with a number
            if 'too long' not in str(error):
                raise
            folder = tempfile.gettempdir()
            fail(f'TMPDIR={folder}: is too long a path for a socket; set TMPDIR to a shorter one')
    return context


@contextmanager
def _environment(**variables: str) -> Iterator[None]:
    """Sets variables for the server alone: what else is started from here, as jobs of a cluster,
    must not inherit them."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def run_worker(*args) -> None:
    """Calls :func:`harness.grid.worker.run_in_process` with its arguments.

    Naming that function itself would import torch into the command that starts the process.
    """
    from harness.grid.worker import run_in_process

    run_in_process(*args)


def threads_of(jobs: int, nproc: int) -> int:
    """CPU threads of each process where ``jobs`` runs of ``nproc`` share this machine.

    ``OMP_NUM_THREADS`` says otherwise where it holds a positive number.
    """
    named = os.environ.get('OMP_NUM_THREADS', '').strip()
    if named.isascii() and named.isdigit() and int(named):
        return int(named)
    return max(1, len(os.sched_getaffinity(0)) // (jobs * nproc))


def call(function: Callable, *args, threads: int = 1) -> Any:
    """The result of a function of ours in a process that has torch and MMagic.

    Args:
        function: of a module; it and ``args`` can be pickled without importing torch here.
        args: its arguments.
        threads: see :func:`fork_context`.

    Raises:
        UserError: the process ended without a result, or torch cannot be imported there.
        Exception: what the function raised.
    """
    context = fork_context(threads)
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_send_result, args=(theirs, function, *args))
    process.start()
    theirs.close()
    try:
        result, error = ours.recv()
    except EOFError:
        process.join()
        fail(f'a process that imports torch ended with code {process.exitcode}; {_LITTLE_MEMORY}')
    except BaseException:  # Ctrl-C
        process.kill()
        raise
    process.join()
    if isinstance(error, (ImportError, MemoryError)):
        fail(f'torch cannot be used: {error or "out of memory"}; {_LITTLE_MEMORY}')
    if error is not None:
        raise error
    return result


def _send_result(pipe: Connection, function: Callable, *args) -> None:
    try:
        pipe.send((function(*args), None))
    except Exception as error:
        pipe.send((None, error))
