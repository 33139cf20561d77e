"""Packed sets: the frames of a set in tiles, written once and read window by window.

May import readers of sets and ``scratch``. Training uses ``reader``, so it stays light.
"""
