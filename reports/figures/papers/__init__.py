"""The figures of the PI-BPTT and RISTN papers, made of a grid that has what they show."""
