"""``--plan``: what the rest of a grid takes in time, memory and disk, measured and worked out."""
