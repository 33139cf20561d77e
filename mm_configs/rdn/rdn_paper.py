# RDN, 22,271,107 parameters, frame by frame. Recipe of MMagic's rdn_x4c64b16 config, which is the
# paper's: L1, Adam, 1e-4 halved every 200k iterations, 16 patches of 32x32 LR pixels, BI. The paper
# trains on photographs (DIV2K, RISTN's Table 1 on ImageNet), here on single frames of videos.
_base_ = ['../_base_/datasets/vimeo.py', '../_base_/runtime/default_runtime.py']
model = dict(
    type='RecurrentVSR',
    generator=dict(type='FramewiseRDNNet'),
    pixel_loss=dict(type='L1Loss', loss_weight=1.0, reduction='mean'),
)
train_dataloader = dict(batch_size=16, dataset=dict(lr_kind='lr_bi'))
lr_kind = 'lr_bi'  # kind of the LR frames in evaluation
train_cfg = dict(type='RIBPTTLoop', max_iters=1_000_000, clip_length=1, crop_size=32)
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-4, betas=(0.9, 0.999)))
param_scheduler = [
    dict(
        type='MultiStepLR',
        by_epoch=False,
        milestones=[200_000, 400_000, 600_000, 800_000],
        gamma=0.5,
    )
]
