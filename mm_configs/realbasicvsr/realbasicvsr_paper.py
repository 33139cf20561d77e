# RealBasicVSR, 6,294,834 parameters, by MMagic's first stage
# (realbasicvsr_wogan-c64b20-2x30x8_8xb2-lr1e-4-300k_reds): L1 losses of the SR frames and of the
# cleaned LR frames, Adam at a constant 1e-4 with betas 0.9 and 0.99, 300k iterations, clips of 30
# frames (15 and the same mirrored in time; here 30 of the video), 64x64 LR crops, 2 on each of 8
# GPUs, SPyNet fixed. What that stage has beside it is not here: LR frames by random blur, noise,
# resizing and compression of the very frames that are trained on, sharpened ground truth, averaged
# weights (decay 0.999). Of the harness's LR frames BI is the nearest. The second stage trains
# against a discriminator; the published weights of RealBasicVSR are those.
# spynet_pretrained takes the path of SPyNet weights; without them the flow network stays as it is
# initialised. For weights of MMagic test with dynamic_refine_thres=1.5 (first stage) or 5 (second).
# The strategy is RI-BPTT; for PI-BPTT use train_cfg=dict(type='PIBPTTLoop', repeats=R, ...).
_base_ = ['../_base_/datasets/reds.py', '../_base_/runtime/default_runtime.py']
model = dict(
    type='RecurrentVSR',
    generator=dict(
        type='StatefulRealBasicVSRNet',
        mid_channels=64,
        num_propagation_blocks=20,
        num_cleaning_blocks=20,
        spynet_pretrained=None,
    ),
    pixel_loss=dict(type='L1Loss', loss_weight=1.0, reduction='mean'),
    output_losses=dict(cleaned=dict(type='L1Loss', loss_weight=1.0, reduction='mean')),
)
train_dataloader = dict(batch_size=16, dataset=dict(lr_kind='lr_bi'))
lr_kind = 'lr_bi'  # kind of the LR frames in evaluation
train_cfg = dict(type='RIBPTTLoop', max_iters=300_000, clip_length=30, crop_size=64)
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-4, betas=(0.9, 0.99)))
param_scheduler = []
