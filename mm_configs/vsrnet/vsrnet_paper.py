# VSRNet, 272,577 parameters, on luma. From a public reimplementation (usstdqq/vsrnet_pytorch): MSE,
# Adam, 1e-4 (a tenth of it in the last layer), 72x72 HR patches, batch of 256; the weights of an
# SRCNN, with which it begins, are left out. We chose the number of iterations. Where that code
# trains on the middle one of 5 frames, RI trains on all 5 of a clip.
_base_ = ['../_base_/datasets/vimeo.py', '../_base_/runtime/default_runtime.py']
model = dict(
    type='RecurrentVSR',
    generator=dict(type='VSRNet'),
    pixel_loss=dict(type='LumaLoss', loss=dict(type='MSELoss')),
)
train_dataloader = dict(batch_size=52, dataset=dict(lr_kind='lr_bi'))  # 260 frames
lr_kind = 'lr_bi'  # kind of the LR frames in evaluation
train_cfg = dict(type='RIBPTTLoop', max_iters=300_000, clip_length=5, crop_size=18)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='Adam', lr=1e-4),
    paramwise_cfg=dict(custom_keys={'generator.third': dict(lr_mult=0.1)}),
)
param_scheduler = []
