"""Training strategies as MMEngine loops, and the parts that they consist of.

Loops, hooks and everything else that only training needs belong here; ``registered`` imports all
classes that configs name. The parts ``plan`` and ``sequential_plan`` (the clips of an epoch),
``state_pass`` and ``state_bank`` (the states that clips start from), ``initial_state`` import no
MMagic, so that a plain PyTorch loop can use them. This room may import ``dataset_tools``, the rooms
``networks``, ``data``, ``evaluation`` and ``runs``, and modules at the top of ``harness``; nothing
of ``grid``.
"""
