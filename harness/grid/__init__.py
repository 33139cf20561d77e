"""From a grid file to finished runs on disk: reading, checking, expanding, scheduling, working.

Everything that knows of more than one run belongs here, and so do the processes of runs. It may
import all of ``harness`` except the commands, and never ``reports``. Only ``worker``,
``train_process``, ``building``, ``forecast.measure`` and ``launchers.torchrun``, which run in the
processes of runs, import torch at the top.
"""
