# With validation during training: keeps the best checkpoint and records how the states behave.
_base_ = ['./frvsr_paper.py', '../_base_/datasets/validation.py']
train_cfg = dict(val_interval=5_000)
default_hooks = dict(checkpoint=dict(save_best='psnr', rule='greater'))
