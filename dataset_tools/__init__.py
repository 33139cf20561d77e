"""Tools that make, check, pack and show video sets, and readers of frames.

The command line is ``python -m dataset_tools``; to read a set, :mod:`dataset_tools.manifest` is
enough. This package imports nothing from ``harness`` or ``reports``. Importing it imports nothing
else, so that ``--help`` and the harness start quickly.
"""
