"""Networks for x4 VSR whose memory is an explicit input and output, and what measures them.

``recurrent`` is the interface. ``unidirectional``, ``two_branches``, ``stacked_lstm``,
``frame_window`` and ``stateless`` implement it for the common kinds of recurrence, and most other
modules hold one published network each. ``zoo`` imports all of them and registers them for
configs. What you need to write a network of your own (``recurrent``, ``unidirectional``,
``stateless`` and ``plain``) imports MMEngine but not MMagic.

Networks know nothing of training, runs or grids: they may import only the shared modules at the
top of ``harness``. The tools in ``summary`` and ``foreign`` may also import ``harness.evaluation``
and ``harness.runs.files``.
"""
