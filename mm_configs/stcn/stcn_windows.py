# STCN, tested as in the paper: windows of 5 frames, states reset; the stride is RISTN's.
_base_ = './stcn_paper.py'
model = dict(
    generator=dict(_delete_=True, type='WindowedInference', net=dict(type='STCNNet')),
)
