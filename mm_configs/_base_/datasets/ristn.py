# RISTN's training set: 5,800 sequences of 5 frames of halved 1080p videos, LR by BI. Make it with
#   python -m dataset_tools prepare ristn-train VIDEOS --kind bi --output data/ristn_train
train_dataloader = dict(
    batch_size=8,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='PlannedSampler'),
    collate_fn=dict(type='default_collate'),
    dataset=dict(type='VideoClipDataset', data_root='data/ristn_train', lr_kind='lr_bi'),
)
test_sets = ['data/vid4']
