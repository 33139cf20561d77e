"""LR frames of HR frames: the filters, and sets made with them."""
