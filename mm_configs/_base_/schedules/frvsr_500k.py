# PI-BPTT paper, Sec. VI-A: Adam, 500k iterations, 1e-4 halved at 150k and 300k, l = 15,
# 64x64 LR crops.
# The strategy is RI-BPTT; for PI-BPTT use train_cfg=dict(type='PIBPTTLoop', repeats=R, ...).
train_cfg = dict(type='RIBPTTLoop', max_iters=500_000, clip_length=15, crop_size=64)
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-4))
param_scheduler = [
    dict(type='MultiStepLR', by_epoch=False, milestones=[150_000, 300_000], gamma=0.5)
]
