"""Tables of a grid: their data ``model``, the tables themselves, and their file formats."""
