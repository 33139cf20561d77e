# The first stage of part `ristn` of docs/study.md: a small spatial component (51,016 parameters) on
# single frames of videos.
_base_ = './ristn_spatial_photographs.py'
train_dataloader = dict(dataset=dict(data_root='data/study/train'))
train_cfg = dict(crop_size=16, windows_per_video=2)
test_sets = ['data/study/moving']
param_scheduler = [
    dict(type='CosineAnnealingLR', by_epoch=False, begin=0, end=500, T_max=500, eta_min=1e-6)
]
