"""The sample sets: real frames from installed packages, with nothing to download."""
