# FRVSR as in the PI-BPTT paper. The grid chooses strategy, R, FC and training set.
_base_ = [
    '../_base_/models/frvsr.py',
    '../_base_/datasets/vimeo.py',
    '../_base_/schedules/frvsr_500k.py',
    '../_base_/runtime/default_runtime.py',
]
train_dataloader = dict(batch_size=4)
