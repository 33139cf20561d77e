# DSRN, 1,256,707 parameters, frame by frame. From the authors' public code: MSE, Adam at 1e-3 with
# every gradient clipped to [-1, 1], batch of 32 patches of 108x108 HR pixels; the number of
# iterations is ours. The authors train on photographs, here on frames of videos.
_base_ = ['../_base_/datasets/vimeo.py', '../_base_/runtime/default_runtime.py']
model = dict(
    type='RecurrentVSR',
    generator=dict(type='DSRNNet'),
    pixel_loss=dict(type='MSELoss', loss_weight=1.0, reduction='mean'),
)
train_dataloader = dict(batch_size=32, dataset=dict(lr_kind='lr_bi'))
lr_kind = 'lr_bi'  # kind of the LR frames in evaluation
train_cfg = dict(type='RIBPTTLoop', max_iters=300_000, clip_length=1, crop_size=27)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='Adam', lr=1e-3),
    clip_grad=dict(type='value', clip_value=1.0),
)
param_scheduler = []
