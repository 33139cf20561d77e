"""Tables of a grid: a ``model`` of them, those that there are, and the formats of their files."""
