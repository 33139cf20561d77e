"""Commands of this project in forked processes that have imported PyTorch and MMagic already.

``python harness/run_grid.py ...`` imports MMagic in the server that its workers are forked from,
which takes longer than all else that most tests do. Here the command's process is forked from a
server that has imported everything once, and forks its workers itself. Tests of the real start are
in ``tests/harness/grid/test_run_grid.py``.
"""

import io
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import reports.report
from harness.grid import fork_server
from harness.grid.launchers import local

REPOSITORY = Path(__file__).resolve().parents[1]
fork_server.PRELOADED += ['reports.report', 'tests.plain_configs']
RUN_GRID = REPOSITORY / 'harness' / 'run_grid.py'
#: what commands end on; the fork server ignores these
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


class Command:
    """A running command, like ``subprocess.Popen``, in its own session.

    Args:
        command: a script, or ``-m`` and a module, and its arguments.
        cwd: where it runs; here by default.
        env: its environment; ours by default. Entries of its PYTHONPATH come first in the search
            for modules; modules of this project are already there.
        report: whether ``run_grid.py`` draws its report, which takes it several seconds.
        terminal: path of a terminal that it prints to; files for each output by default.
    """

    def __init__(
        self,
        command: Sequence,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        report: bool = True,
        terminal: str | None = None,
    ) -> None:
        context = fork_server.fork_context(1)
        self._folder = tempfile.TemporaryDirectory()
        self._outputs = [Path(self._folder.name) / name for name in ('stdout', 'stderr')]
        for path in self._outputs:
            path.touch()
        self._process = context.Process(
            target=_become,
            args=(
                [str(word) for word in command],
                str(cwd or os.getcwd()),
                dict(os.environ if env is None else env),
                [terminal or str(path) for path in self._outputs],
                report,
            ),
        )
        self._process.start()
        self.pid = self._process.pid

    @property
    def stdout(self) -> str:
        """Its output so far."""
        return self._outputs[0].read_text()

    @property
    def stderr(self) -> str:
        """Its error output so far."""
        return self._outputs[1].read_text()

    @property
    def returncode(self) -> int | None:
        """Exit code, minus the number of the signal that ended it, or None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """See :attr:`returncode`."""
        return self.returncode

    def wait(self, timeout: float = 600) -> int:
        """The exit code, once it has ended."""
        self._process.join(timeout)
        assert self.returncode is not None, self.stdout + self.stderr
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Sends a signal to the process alone."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """Sends SIGKILL to the process alone."""
        self.send_signal(signal.SIGKILL)


def run(command: Sequence, timeout: float = 600, **options) -> subprocess.CompletedProcess:
    """Runs a :class:`Command` to its end."""
    started = Command(command, **options)
    try:
        started.wait(timeout)
    finally:
        if started.returncode is None:
            os.killpg(started.pid, signal.SIGKILL)
    return subprocess.CompletedProcess(command, started.returncode, started.stdout, started.stderr)


def run_grid(*arguments, report: bool = False, **options) -> subprocess.CompletedProcess:
    """Runs ``harness/run_grid.py`` with these arguments."""
    return run([RUN_GRID, *arguments], report=report, **options)


def _become(
    command: list[str], cwd: str, env: dict[str, str], outputs: list[str], report: bool
) -> None:
    """Sets up the forked process as ``python COMMAND`` would."""
    os.setsid()
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    for number, path in enumerate(outputs, 1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_APPEND), number)
    sys.stdout = io.TextIOWrapper(open(1, 'wb', closefd=False), 'utf-8')  # noqa: SIM115
    sys.stderr = io.TextIOWrapper(
        open(2, 'wb', closefd=False),  # noqa: SIM115
        'utf-8',
        'backslashreplace',
        line_buffering=True,
    )
    _fork_workers_here()
    if not report:
        reports.report.build_report = lambda work_dir: reports.report.Report()
    sys.path[:0] = [path for path in env.get('PYTHONPATH', '').split(os.pathsep) if path]
    if command[0] == '-m':
        sys.argv = command[1:]
        sys.path.insert(0, cwd)
        runpy.run_module(command[1], run_name='__main__', alter_sys=True)
    else:
        sys.argv = command
        sys.path.insert(0, str(Path(command[0]).parent))
        runpy.run_path(command[0], run_name='__main__')


def _fork_workers_here() -> None:
    """Makes the command fork workers from this process, which has imported MMagic."""
    for module in (fork_server, local):
        module.fork_context = lambda threads: multiprocessing.get_context('fork')
