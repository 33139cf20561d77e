"""Figures of a grid (PNG, PDF): which there are is in ``catalogue``, their look in ``style``."""
