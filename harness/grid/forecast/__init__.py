"""``--plan``: forecasts the time, memory and disk space that the rest of a grid needs.

``measure`` runs a few iterations and frames, ``estimate`` extrapolates, ``forecast`` combines them,
and ``times`` keeps the training times that ``budget='time'`` compares. Only ``measure``, which runs
in processes of its own, may import torch, training and evaluation.
"""
