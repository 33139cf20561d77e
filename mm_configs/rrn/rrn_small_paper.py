# RRN with 5 residual blocks (RRN-S), 1,888,560 parameters, trained like RRN-L.
_base_ = './rrn_paper.py'
model = dict(generator=dict(num_blocks=5))
