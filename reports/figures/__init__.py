"""Figures of a grid (PNG, PDF): ``catalogue`` lists them, ``style`` defines their look."""
