# BasicVSR as the PI-BPTT paper's text says. The grid chooses strategy, R, FC and training set.
_base_ = [
    '../_base_/models/basicvsr.py',
    '../_base_/datasets/vimeo.py',
    '../_base_/schedules/basicvsr_300k.py',
    '../_base_/runtime/default_runtime.py',
]
train_dataloader = dict(batch_size=8)
