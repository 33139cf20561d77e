"""Figures of a grid (PNG, PDF): ``catalogue`` lists them, ``style`` defines their look.

May import ``results``, ``methods``, the statistics, and captions and LaTeX of ``tables``; not ``html``
or ``excel``.
"""
