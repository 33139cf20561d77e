"""How processes of runs end: the signals that they heed, and their exit codes."""

import re
import signal
from pathlib import Path

#: signals on which work ends in good order: what schedulers, people and closed terminals send;
#: SIGINT stays Ctrl-C
ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
#: exit code of a process that a signal has interrupted: its run can go on (EX_TEMPFAIL)
INTERRUPTED = 75


def describe_exit(code: int, kills: int) -> str:
    """What an exit code means; '' if the process ended by itself.

    Args:
        code: negative if it was killed by a signal.
        kills: :func:`out_of_memory_kills` before it was started.
    """
    if code in (0, INTERRUPTED):
        return ''
    if code == -signal.SIGKILL and out_of_memory_kills() > kills:
        return (
            'out of memory: the kernel killed the process (SIGKILL); give it more (fewer at once '
            'with --jobs, --slurm mem=...), or make batch_size, crop_size or the bank smaller'
        )
    if code < 0:
        return f'the process was killed by {signal.Signals(-code).name}'
    return f'the process ended with code {code}'


def out_of_memory_kills() -> int:
    """Processes that this machine's kernel has killed for lack of memory; 0 if it does not say."""
    try:
        found = re.search(r'^oom_kill (\d+)$', Path('/proc/vmstat').read_text(), re.MULTILINE)
    except OSError:
        found = None
    return int(found.group(1)) if found else 0
