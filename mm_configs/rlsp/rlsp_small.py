# A small RLSP, 58,064 parameters, trained within minutes (part `networks` of docs/study.md).
_base_ = './rlsp_paper.py'
model = dict(generator=dict(mid_channels=32, num_convs=5))
train_dataloader = dict(
    num_workers=0,
    persistent_workers=False,
    dataset=dict(data_root='data/sample/train', cache=True),
)
train_cfg = dict(max_iters=1000, clip_length=7, crop_size=24, windows_per_video=2)
test_sets = ['data/sample/moving', 'data/sample/static']
optim_wrapper = dict(optimizer=dict(lr=1e-3), clip_grad=dict(max_norm=0.5))
param_scheduler = [
    dict(type='CosineAnnealingLR', by_epoch=False, begin=0, end=1000, T_max=1000, eta_min=1e-6)
]
default_hooks = dict(logger=dict(interval=50), checkpoint=dict(interval=100))
