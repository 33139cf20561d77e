# Validation during training: a set's videos, and stills of their first frames (PI-BPTT paper, Sec.
# VI-A). The best checkpoint is the one with the best mean of both. Name the set with
# --cfg-options val_dataloader.dataset.data_root=PATH; a config that inherits this needs
# default_hooks = dict(checkpoint=dict(save_best='psnr', rule='greater')).
val_dataloader = dict(
    batch_size=1,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    collate_fn=dict(type='pseudo_collate'),
    dataset=dict(
        type='ValidationVideoDataset',
        data_root='data/vimeo/val4',
        lr_kind='lr_bd',
        max_frames=100,
        static_frames=100,
    ),
)
val_cfg = dict(type='VideoValLoop')
val_evaluator = dict(type='StabilityMetric')
custom_hooks = [
    dict(type='StateDiagnosticsHook', interval=5_000),
    dict(type='StalenessHook', interval=5_000),
]
