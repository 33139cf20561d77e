"""Reads a work directory: the grid, its run folders, and the scores of frames.

May import the contract on disk (``harness.runs``) and ``stability``.
"""
