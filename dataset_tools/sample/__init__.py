"""The sample sets: real frames out of installed packages, with nothing to download."""
