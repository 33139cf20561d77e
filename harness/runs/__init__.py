"""The contract on disk: what a run is, what its folder holds, and what counts as done.

The grid prepares run folders, training and evaluation fill them, and the reports read them. Code
belongs here if it reads or writes files that more than one of these share. It may import
``dataset_tools``, ``harness.errors`` and ``harness.strategies``, and never torch.
"""
