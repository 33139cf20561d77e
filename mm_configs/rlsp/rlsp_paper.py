# RLSP 7-128, trained as in its authors' public code.
_base_ = [
    '../_base_/models/rlsp.py',
    '../_base_/datasets/vimeo.py',
    '../_base_/schedules/rlsp_1m.py',
    '../_base_/runtime/default_runtime.py',
]
train_dataloader = dict(batch_size=4)
