# Fine-tunes published weights (BI) of BasicVSR for a few minutes: 200 iterations on the sample's
# clips, at a twentieth to a quarter of the published learning rates. The grid names the weights
# (weights=FILE), or --cfg-options load_from=FILE does.
_base_ = './basicvsr_paper.py'
lr_kind = 'lr_bi'
train_cfg = dict(max_iters=200, clip_length=7, crop_size=24)
train_dataloader = dict(
    batch_size=2,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(data_root='data/cure/train', lr_kind='lr_bi', cache=True),
)
optim_wrapper = dict(
    _delete_=True,
    type='OptimWrapper',
    optimizer=dict(type='Adam', lr=5e-5, betas=(0.9, 0.99)),
    paramwise_cfg=dict(custom_keys={'spynet': dict(lr_mult=0.1)}),
    clip_grad=dict(max_norm=1.0),
)
param_scheduler = [
    dict(
        type='CosineAnnealingLR',
        by_epoch=False,
        begin=0,
        end=200,
        T_max=200,
        eta_min=1e-7,
    )
]
default_hooks = dict(logger=dict(interval=10), checkpoint=dict(interval=50))
