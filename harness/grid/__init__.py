"""From a grid file to finished runs on disk. Nothing here imports torch except ``worker``."""
