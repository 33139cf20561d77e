# RISTN, second stage, from the spatial weights of the first: Adam at 1e-4, patches of 50, clips of
# 5 frames, 400 epochs. The paper does not give the batch size; an epoch has each of the 5,800
# sequences once, so 400 epochs in batches of 8 are 400 * 5,800 / 8 = 290,000 iterations.
# The strategy is RI-BPTT, as in the paper. PI-BPTT needs videos longer than a clip:
# train_cfg=dict(type='PIBPTTLoop', repeats=R) and another training set.
_base_ = [
    '../_base_/models/ristn.py',
    '../_base_/datasets/ristn.py',
    '../_base_/runtime/default_runtime.py',
]
load_from = 'work_dirs/ristn_spatial_pretrain/iter_125000.pth'
custom_hooks = [dict(type='PartialLoadHook')]
train_cfg = dict(type='RIBPTTLoop', max_iters=290_000, clip_length=5, crop_size=50)
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-4))
param_scheduler = []
