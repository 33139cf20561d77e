"""The sample sets: real frames from installed packages, with nothing to download.

May import all tools that make videos. ``plan`` has only tables and imports nothing heavy.
"""
