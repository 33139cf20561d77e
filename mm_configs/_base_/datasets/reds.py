# REDStrain (Table I: 236 videos of 100 frames of 720p), LR by BD.
train_dataloader = dict(
    batch_size=4,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='PlannedSampler'),
    collate_fn=dict(type='default_collate'),
    dataset=dict(type='VideoClipDataset', data_root='data/reds/train', lr_kind='lr_bd'),
)
test_sets = ['data/vid4', 'data/reds/reds4', 'data/quasi_static', 'data/composit']
