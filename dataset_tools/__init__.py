"""Makes and checks the video sets that the harness trains on and evaluates.

The command line is ``python -m dataset_tools``; reading a set needs :mod:`dataset_tools.manifest`
only. Importing this package imports nothing else, so that ``--help`` and the harness stay quick.
"""
