"""Packed sets: the same frames in tiles, written once and read window by window."""
