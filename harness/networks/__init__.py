"""Recurrent VSR networks whose memory is an explicit input and output.

``zoo`` has all of them and registers them for configs. ``recurrent``, ``stateless`` and ``plain``,
the interface and what a network of one's own needs, import MMEngine for its ``BaseModule`` and
registries, but not MMagic.
"""
