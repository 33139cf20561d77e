# A small FRVSR with residual recurrence that shows the effect of the strategies within minutes.
_base_ = './frvsr_paper.py'
model = dict(
    generator=dict(
        mid_channels=32,
        num_blocks=1,
        flow_net=dict(type='ConvFlowNet', channels=16),
        tail='pixel_shuffle',
        residual_recurrence=True,
    ),
)
train_dataloader = dict(
    num_workers=0,
    persistent_workers=False,
    dataset=dict(data_root='data/sample/train', cache=True),
)
train_cfg = dict(max_iters=500, clip_length=7, crop_size=24, windows_per_video=2)
test_sets = [
    'data/sample/moving',
    'data/sample/static',
    'data/sample/sliding_window',
    'data/sample/gamma',
    'data/sample/composit',
]
optim_wrapper = dict(optimizer=dict(lr=1e-3), clip_grad=dict(max_norm=0.5))
param_scheduler = [
    dict(type='CosineAnnealingLR', by_epoch=False, begin=0, end=500, T_max=500, eta_min=1e-6)
]
default_hooks = dict(
    logger=dict(interval=50),
    checkpoint=dict(interval=50),
)
