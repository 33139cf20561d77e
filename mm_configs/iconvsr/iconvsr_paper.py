# IconVSR, 8,694,991 parameters. Recipe of MMagic's iconvsr_2xb4_reds4 config: as BasicVSR's, with
# the pre-trained EDVR extractor fixed for 5k iterations like the flow network, windows of 5 frames
# (padding=2; its Vimeo-90K weights have 7, padding=3). MMagic's REDS is BI, here BD like the other
# configs. Name the weights with --cfg-options model.generator.spynet_pretrained=PATH
# model.generator.edvr_pretrained=PATH
_base_ = ['../_base_/datasets/reds.py', '../_base_/runtime/default_runtime.py']
model = dict(
    type='RecurrentVSR',
    generator=dict(type='WholeIconVSRNet', padding=2, spynet_pretrained=None, edvr_pretrained=None),
    pixel_loss=dict(type='CharbonnierLoss', loss_weight=1.0, reduction='mean'),
)
train_dataloader = dict(batch_size=8)
train_cfg = dict(type='RIBPTTLoop', max_iters=300_000, clip_length=15, crop_size=64)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='Adam', lr=2e-4, betas=(0.9, 0.99)),
    paramwise_cfg=dict(custom_keys={'spynet': dict(lr_mult=0.125)}),
)
param_scheduler = [
    dict(
        type='CosineAnnealingLR',
        by_epoch=False,
        begin=0,
        end=300_000,
        T_max=300_000,
        eta_min=1e-7,
    )
]
custom_hooks = [
    dict(type='FreezeFlowHook', iters=5_000),
    dict(type='FreezeFlowHook', iters=5_000, name='edvr'),
]
find_unused_parameters = True
