"""The contract on disk: what a run is, what its folder holds, and what counts as done.

The grid writes it, training and evaluation fill it, the reports read it. Nothing here imports torch
or any other package of ours but ``dataset_tools`` and ``harness.errors``.
"""
