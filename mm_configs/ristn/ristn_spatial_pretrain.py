# RISTN, first stage: spatial component and reconstruction on images (Table 1; its IB and RB are
# options). The paper gives Adam at 1e-4 and, for Table 1, patches of 30, but neither batch size nor
# length. Here: batches of 16, and 40 epochs of 50,000 images, the number in a file name of the
# published code.
_base_ = [
    '../_base_/models/ristn.py',
    '../_base_/datasets/imagenet.py',
    '../_base_/runtime/default_runtime.py',
]
model = dict(generator=dict(temporal=None))
train_cfg = dict(type='RIBPTTLoop', max_iters=125_000, clip_length=1, crop_size=30)
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-4))
param_scheduler = []
