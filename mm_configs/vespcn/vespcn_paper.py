# VESPCN 9L-E3-MC, 93,992 parameters, on luma. From reviews of the paper: Adam, 1e-4, MSE, 33x33 LR
# patches, batch of 16 (another says: growing to 128), BI; the weights of the motion losses (0.01
# and 0.001, in the network's defaults) from public code. We chose the number of iterations. Where
# the paper trains on the middle one of 3 frames, RI trains on all 3 of a clip, of which the first
# one sees no frame before it; with PI it does.
_base_ = ['../_base_/datasets/vimeo.py', '../_base_/runtime/default_runtime.py']
model = dict(
    type='RecurrentVSR',
    generator=dict(type='VESPCNNet'),
    pixel_loss=dict(type='LumaLoss', loss=dict(type='MSELoss')),
)
train_dataloader = dict(batch_size=16, dataset=dict(lr_kind='lr_bi'))
lr_kind = 'lr_bi'  # kind of the LR frames in evaluation
train_cfg = dict(type='RIBPTTLoop', max_iters=300_000, clip_length=3, crop_size=33)
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-4))
param_scheduler = []
