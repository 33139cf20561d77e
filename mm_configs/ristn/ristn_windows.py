# RISTN, tested as in the published code: windows of 5 frames at a stride of 3, states reset.
_base_ = './ristn_paper.py'
model = dict(
    generator=dict(_delete_=True, type='WindowedInference', net=dict(type='RISTNNet')),
)
