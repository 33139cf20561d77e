"""Frame-by-frame evaluation of networks on set folders, and scoring of existing frames.

Inference on whole videos, metrics, protocols, scoring and saving of frames belong here. This room
may import ``dataset_tools``, the rooms ``networks``, ``data`` and ``runs``, and modules at the top
of ``harness``; nothing of ``training`` or ``grid``. Modules that ``--help`` needs import no torch.
"""
