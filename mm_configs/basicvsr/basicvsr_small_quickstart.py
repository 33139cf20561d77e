# A small plain BasicVSR: MMagic's structure and initialisation, narrower, with OpenCV's DIS flow
# instead of SPyNet, which takes days to train.
_base_ = './basicvsr_paper.py'
model = dict(
    channels_last=True,
    generator=dict(mid_channels=24, num_blocks=2, hr_channels=8, flow_net=dict(type='DISFlow')),
)
train_cfg = dict(max_iters=4000, clip_length=5, crop_size=16, windows_per_video=4)
train_dataloader = dict(
    batch_size=4,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(data_root='data/sample/train', cache=True),
)
test_sets = [
    'data/sample/moving',
    'data/sample/static',
    'data/sample/sliding_window',
    'data/sample/gamma',
    'data/sample/composit',
]
optim_wrapper = dict(
    _delete_=True,
    type='OptimWrapper',
    optimizer=dict(type='Adam', lr=2e-3, betas=(0.9, 0.99)),
    clip_grad=dict(max_norm=0.2),
)
param_scheduler = []
default_hooks = dict(
    logger=dict(interval=200),
    checkpoint=dict(interval=500),
)
