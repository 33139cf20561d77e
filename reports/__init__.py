"""Tables and figures of a grid of runs, made from the files of its work directory alone.

``reports`` reads what training and evaluation left on disk and needs neither torch nor MMEngine.
Importing this package costs nothing; ``reports.report.build_report`` makes everything.
"""
