# BRCN, 42,561 parameters, on luma. Clips of 10 frames, batch of 64, 1e-4 and weight decay 1e-4 as
# in a public reimplementation (linan142857/BRCN). That one uses RMSProp, and its 32x32 HR patches
# lose 6 pixels at each border; here patches are 64x64 HR with padded borders and the optimizer is
# Adam. We chose the number of iterations.
_base_ = ['../_base_/datasets/vimeo.py', '../_base_/runtime/default_runtime.py']
model = dict(
    type='RecurrentVSR',
    generator=dict(type='BRCNNet'),
    pixel_loss=dict(type='LumaLoss', loss=dict(type='MSELoss')),
)
train_dataloader = dict(batch_size=64, dataset=dict(lr_kind='lr_bi'))
lr_kind = 'lr_bi'  # kind of the LR frames in evaluation
train_cfg = dict(type='RIBPTTLoop', max_iters=300_000, clip_length=10, crop_size=16)
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-4, weight_decay=1e-4))
param_scheduler = []
