# AnimeSR's network (MSRSWVSR), 1,495,376 parameters, by the first stage of its authors' public
# options (train_animesr_step1_net_BasicOPonly): L1 loss, Adam at a constant 2e-4 with betas 0.9 and
# 0.99, clips of 15 frames, 64x64 LR crops, 4 on each of 4 GPUs, 300k iterations. Its other parts
# are not implemented: animation videos (AVC-Train), LR frames with blur, noise, resizing and video
# compression, sharpened ground truth, averaged weights (decay 0.999). BI is the closest of the
# harness's LR frames, because AnimeSR's are resized about pixel centres. The published weights are
# those of later stages, which train against discriminators.
# The strategy is RI-BPTT; for PI-BPTT use train_cfg=dict(type='PIBPTTLoop', repeats=R, ...).
_base_ = ['../_base_/datasets/vimeo.py', '../_base_/runtime/default_runtime.py']
model = dict(
    type='RecurrentVSR',
    generator=dict(type='AnimeSRNet', mid_channels=64, num_blocks=(5, 3, 2)),
    pixel_loss=dict(type='L1Loss', loss_weight=1.0, reduction='mean'),
)
train_dataloader = dict(batch_size=16, dataset=dict(lr_kind='lr_bi'))
lr_kind = 'lr_bi'  # kind of the LR frames in evaluation
train_cfg = dict(type='RIBPTTLoop', max_iters=300_000, clip_length=15, crop_size=64)
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=2e-4, betas=(0.9, 0.99)))
param_scheduler = []
