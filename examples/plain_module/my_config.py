# All that a training needs; see mm_configs/ for recipes.
model = dict(
    type='RecurrentVSR',
    generator=dict(type='PlainVideoNet', net='my_net:MyNet', kwargs=dict(channels=16)),
    pixel_loss=dict(type='CharbonnierLoss', loss_weight=1.0, reduction='mean'),
)
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-3))
train_cfg = dict(type='RIBPTTLoop', max_iters=12, clip_length=5, crop_size=16, windows_per_video=2)
train_dataloader = dict(
    batch_size=2,
    num_workers=0,
    sampler=dict(type='PlannedSampler'),
    collate_fn=dict(type='default_collate'),
    dataset=dict(type='VideoClipDataset', data_root='data/sample/train'),
)
default_hooks = dict(checkpoint=dict(type='ClipCheckpointHook', interval=6))
default_scope = 'mmagic'
