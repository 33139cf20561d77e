"""Importing this makes a process deaf to the signals that runs end on.

The fork server imports it: a signal to the whole process group (``timeout``, systemd, Slurm) would
otherwise end the server before its workers have written their checkpoints. Workers set handlers of
their own; the server itself ends with the command that started it.
"""

import signal

from harness.exits import ENDING

for _number in ENDING:
    signal.signal(_number, signal.SIG_IGN)
