"""Importing this module makes a process ignore the signals that end runs.

The fork server imports it. Otherwise, a signal to the whole process group (``timeout``, systemd,
Slurm) would end the server before its workers have written their checkpoints. Workers set their own
handlers; the server ends with the command that started it.
"""

import signal

from harness.exits import ENDING

for _number in ENDING:
    signal.signal(_number, signal.SIG_IGN)
