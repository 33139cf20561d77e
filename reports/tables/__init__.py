"""Tables of a grid: their data ``model``, the tables themselves, and their file formats.

May import ``results``, ``methods``, the statistics and ``excel``; not ``figures`` or ``html``.
"""
