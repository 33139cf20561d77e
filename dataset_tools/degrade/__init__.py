"""LR frames from HR frames: the filters, and sets made with them.

``filters`` may import only ``manifest``; ``sets`` may import the readers and writers of sets.
"""
