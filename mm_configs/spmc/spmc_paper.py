# SPMC on 3 frames, 1,722,161 parameters, on luma; the ConvLSTM starts from nothing in each window,
# as in the paper. Weight of the flow's loss and learning rate from public reimplementations; there
# and in the paper the flow is trained first, then the rest, then both, here both from the
# beginning. Batch, crop and number of iterations are ours; gradients are clipped as in one of the
# reimplementations (there those of the ConvLSTM alone).
_base_ = ['../_base_/datasets/vimeo.py', '../_base_/runtime/default_runtime.py']
model = dict(
    type='RecurrentVSR',
    generator=dict(type='SPMCNet', carry=False),
    pixel_loss=dict(type='LumaLoss', loss=dict(type='MSELoss')),
    flow_loss_weight=0.01,
)
train_dataloader = dict(batch_size=16, dataset=dict(lr_kind='lr_bi'))
lr_kind = 'lr_bi'  # kind of the LR frames in evaluation
train_cfg = dict(type='RIBPTTLoop', max_iters=300_000, clip_length=3, crop_size=32)
optim_wrapper = dict(
    type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-4), clip_grad=dict(max_norm=2.0)
)
param_scheduler = []
