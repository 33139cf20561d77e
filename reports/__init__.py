"""Tables, figures, workbook and page of a grid, made only from the files of its work directory.

May import ``dataset_tools.manifest`` and, of ``harness``, ``runs``, ``cli``, ``errors``,
``strategies`` and ``formats``; never torch, MMEngine or MMagic. Importing this package imports
nothing else; ``reports.report.build_report`` makes everything.
"""
