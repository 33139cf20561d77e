"""LR frames from HR frames: the filters, and sets made with them."""
