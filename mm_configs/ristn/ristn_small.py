# The second stage of part `ristn` of docs/study.md: a small RISTN, from the spatial weights of the
# first. Half the paper's growth.
_base_ = './ristn_paper.py'
model = dict(generator=dict(bottlenecks=((3, 4), (3, 2)), growth=8))
load_from = 'work_dirs/ristn_small_spatial/iter_500.pth'
train_dataloader = dict(
    batch_size=4,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(data_root='data/study/train', cache=True),
)
train_cfg = dict(max_iters=500, crop_size=16)
test_sets = ['data/study/moving', 'data/study/static']
optim_wrapper = dict(optimizer=dict(lr=1e-3))
param_scheduler = [
    dict(type='CosineAnnealingLR', by_epoch=False, begin=0, end=500, T_max=500, eta_min=1e-6)
]
default_hooks = dict(logger=dict(interval=20), checkpoint=dict(interval=100))
