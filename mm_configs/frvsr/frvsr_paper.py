# FRVSR as in the PI-BPTT paper. Strategy, R, FC and training set are the grid's to choose.
_base_ = [
    '../_base_/models/frvsr.py',
    '../_base_/datasets/vimeo.py',
    '../_base_/schedules/frvsr_500k.py',
    '../_base_/runtime/default_runtime.py',
]
train_dataloader = dict(batch_size=4)
