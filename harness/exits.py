"""How processes of runs end: the signals that they handle, and their exit codes."""

import re
import signal
from pathlib import Path

#: signals that end work gracefully; schedulers, people and closed terminals send them. SIGINT is
#: left to Ctrl-C.
ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
#: exit code of a process that a signal has interrupted: its run can resume (EX_TEMPFAIL)
INTERRUPTED = 75


def describe_exit(code: int, kills: int) -> str:
    """Explains an exit code.

    Args:
        code: The exit code; negative if a signal killed the process.
        kills: :func:`out_of_memory_kills` before the process started.

    Returns:
        The explanation; '' if the process ended by itself.
    """
    if code in (0, INTERRUPTED):
        return ''
    if code == -signal.SIGKILL and out_of_memory_kills() > kills:
        return (
            'out of memory, probably: the process was killed by SIGKILL while the kernel was '
            'killing for lack of memory; give it more memory (lower --jobs, or raise '
            '--slurm mem=...), or reduce batch_size, crop_size or the bank'
        )
    if code < 0:
        return f'the process was killed by {signal.Signals(-code).name}'
    return f'the process ended with code {code}'


def out_of_memory_kills() -> int:
    """The number of processes that the kernel has killed for lack of memory; 0 if unknown."""
    try:
        found = re.search(r'^oom_kill (\d+)$', Path('/proc/vmstat').read_text(), re.MULTILINE)
    except OSError:
        found = None
    return int(found.group(1)) if found else 0
