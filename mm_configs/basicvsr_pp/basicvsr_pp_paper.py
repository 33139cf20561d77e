# BasicVSR++, 7,322,927 parameters. Recipe of MMagic's basicvsr-pp_c64n7_8xb1-600k_reds4 config:
# Charbonnier, Adam, 1e-4 and a quarter of it for the pre-trained flow network, which stays fixed
# for 5k iterations, cosine annealing over 600k, 8 clips of 30 frames of 64x64 LR pixels. MMagic's
# REDS is BI, here BD like the other configs. PI-BPTT: train_cfg=dict(type='PIBPTTLoop', repeats=R).
# Name the SPyNet weights with --cfg-options model.generator.spynet_pretrained=PATH
_base_ = ['../_base_/datasets/reds.py', '../_base_/runtime/default_runtime.py']
model = dict(
    type='RecurrentVSR',
    generator=dict(type='StatefulBasicVSRPlusPlusNet', spynet_pretrained=None),
    pixel_loss=dict(type='CharbonnierLoss', loss_weight=1.0, reduction='mean'),
)
train_dataloader = dict(batch_size=8)
train_cfg = dict(type='RIBPTTLoop', max_iters=600_000, clip_length=30, crop_size=64)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='Adam', lr=1e-4, betas=(0.9, 0.99)),
    paramwise_cfg=dict(custom_keys={'spynet': dict(lr_mult=0.25)}),
)
param_scheduler = [
    dict(
        type='CosineAnnealingLR',
        by_epoch=False,
        begin=0,
        end=600_000,
        T_max=600_000,
        eta_min=1e-7,
    )
]
custom_hooks = [dict(type='FreezeFlowHook', iters=5_000)]
find_unused_parameters = True
