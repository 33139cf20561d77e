# FRVSR with the operator norm of all convolutions of its SR network held at <= 1: the rival
# strategy of the PI-BPTT paper's Sec. II-B. See the network's docstring for what this guarantees.
_base_ = './frvsr_paper.py'
model = dict(generator=dict(lipschitz=dict(bound=1.0, size=64)))
