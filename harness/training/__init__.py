"""Training strategies as MMEngine loops, and the pieces that they are made of.

``registered`` has all that configs name. The pieces also serve a plain PyTorch loop and import no
MMagic: ``plan`` and ``sequential_plan`` (clips of an epoch), ``state_pass`` and ``state_bank``
(states that clips start from), ``initial_state``.
"""
