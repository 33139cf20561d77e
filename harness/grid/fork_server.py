"""Forks processes from a server that has imported MMagic once.

A child starts at once instead of after the seconds that the import takes. The server itself uses
neither OpenMP nor CUDA, so that its children can use both.
"""

import multiprocessing
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from typing import Any

from harness.errors import fail
from harness.grid.launchers import worker_environment
from harness.mmagic_on_demand import check_installed

#: modules that the server imports before it forks
PRELOADED = ['harness.grid.unsignalled', 'harness.grid.worker']
_LITTLE_MEMORY = 'is memory limited (ulimit -v, a container)?'


def fork_context(threads: int) -> ForkServerContext:
    """The multiprocessing context of the fork server.

    Args:
        threads: CPU threads of each process; the first call determines it for all.

    Raises:
        UserError: MMagic is not installed, or the path of the folder for temporary files is too
            long.
    """
    check_installed()
    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload(PRELOADED)
    with _environment(
        OMP_NUM_THREADS=str(threads),
        # MMEngine queries the GPUs on import; done through CUDA, this would break CUDA in forks
        PYTORCH_NVML_BASED_CUDA_CHECK='1',
        **worker_environment(),
    ):
        try:
            forkserver.ensure_running()
        except OSError as error:  # it has no errno
            if 'too long' not in str(error):
                raise
            folder = tempfile.gettempdir()
            fail(f'TMPDIR={folder}: the path is too long for a socket; set a shorter TMPDIR')
    return context


@contextmanager
def _environment(**variables: str) -> Iterator[None]:
    """Sets variables temporarily: the server must inherit them, but other processes must not."""
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


def run_worker(*args: Any) -> None:
    """Calls :func:`harness.grid.worker.run_in_process` with its arguments.

    Passing that function itself to the process would import torch into the starting command.
    """
    from harness.grid.worker import run_in_process

    run_in_process(*args)


def threads_of(jobs: int, nproc: int) -> int:
    """CPU threads per process if ``jobs`` runs of ``nproc`` processes share this machine.

    ``OMP_NUM_THREADS`` takes precedence if it is a positive number.
    """
    named = os.environ.get('OMP_NUM_THREADS', '').strip()
    if named.isascii() and named.isdigit() and int(named):
        return int(named)
    return max(1, len(os.sched_getaffinity(0)) // (jobs * nproc))


def call(function: Callable, *args: Any, threads: int = 1) -> Any:
    """Calls a function in a process that has imported torch and MMagic, and returns its result.

    Args:
        function: A module-level function; pickling it and ``args`` must not import torch here.
        args: Its arguments.
        threads: See :func:`fork_context`.

    Raises:
        UserError: The process ended without a result, or torch cannot be imported there.
        Exception: Whatever the function raised.
    """
    context = fork_context(threads)
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_send_result, args=(theirs, function, *args))
    try:
        process.start()
    except (EOFError, ConnectionError):
        fail(f'the server of processes that import torch has ended; {_LITTLE_MEMORY}')
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


def _send_result(pipe: Connection, function: Callable, *args: Any) -> None:
    try:
        pipe.send((function(*args), None))
    except Exception as error:
        pipe.send((None, error))
