# BasicVSR with a soft Lipschitz constraint: norms <= 2 and stable ranks <= 0.1 of the largest
# possible, after Tanay et al. (arXiv 2010.05099). See harness/networks/lipschitz.py.
_base_ = './basicvsr_paper.py'
model = dict(generator=dict(lipschitz='soft'))
