# 50,000 random images of ImageNet as videos of one frame, LR by BI. Make the set with
#   python -m dataset_tools prepare images ILSVRC2012/train --count 50000 --least 120 --kind bi \
#       --output data/imagenet
train_dataloader = dict(
    batch_size=16,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='PlannedSampler'),
    collate_fn=dict(type='default_collate'),
    dataset=dict(type='VideoClipDataset', data_root='data/imagenet', lr_kind='lr_bi'),
)
test_sets = ['data/set5']
