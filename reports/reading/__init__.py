"""Reads a work directory: the grid, its run folders, and the scores of frames."""
