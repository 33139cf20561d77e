"""Single-image networks: they super-resolve each frame on its own and can be trained with RI only.

May import ``harness.networks`` (the ``stateless`` interface); only ``zoo`` imports this package.
"""
