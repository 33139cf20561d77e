# Liu et al.'s temporal adaptive network, 369,550 parameters, on luma. From reviews of the paper:
# MSE, patches of 30x30 LR pixels, 5 frames; its branches are trained first, here all at once.
# Optimizer, batch and number of iterations are VESPCN's, the weight of the alignment's loss (in the
# network's defaults) ours. The paper trains on the middle one of 5 frames, RI on all 5 of a clip.
_base_ = ['../_base_/datasets/vimeo.py', '../_base_/runtime/default_runtime.py']
model = dict(
    type='RecurrentVSR',
    generator=dict(type='TemporalAdaptiveNet'),
    pixel_loss=dict(type='LumaLoss', loss=dict(type='MSELoss')),
)
train_dataloader = dict(batch_size=16, dataset=dict(lr_kind='lr_bi'))
lr_kind = 'lr_bi'  # kind of the LR frames in evaluation
train_cfg = dict(type='RIBPTTLoop', max_iters=300_000, clip_length=5, crop_size=30)
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-4))
param_scheduler = []
