# PI-BPTT paper, Sec. VI-A: Adam, 300k iterations, learning rate 1e-4 (flow network 2.5e-4), fixed
# for the first 5k iterations, then cosine annealing; l = 15, 64x64 LR crops.
# The strategy is RI-BPTT; for PI-BPTT use train_cfg=dict(type='PIBPTTLoop', repeats=R, ...).
train_cfg = dict(type='RIBPTTLoop', max_iters=300_000, clip_length=15, crop_size=64)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='Adam', lr=1e-4),
    paramwise_cfg=dict(custom_keys={'spynet': dict(lr_mult=2.5)}),
)
param_scheduler = [
    dict(
        type='CosineAnnealingLR',
        by_epoch=False,
        begin=5_000,
        end=300_000,
        T_max=295_000,
        eta_min=1e-7,
    )
]
