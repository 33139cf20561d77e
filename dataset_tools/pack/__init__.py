"""Packed sets: the frames of a set in tiles, written once and read window by window."""
