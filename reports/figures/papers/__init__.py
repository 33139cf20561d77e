"""The figures of the PI-BPTT and RISTN papers, drawn from a grid's own results."""
