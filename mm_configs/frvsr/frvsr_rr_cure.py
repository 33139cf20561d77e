# A trained residual FRVSR is trained on for some iterations, at a quarter of its learning rate. The
# weights are the grid's (weights=FILE) or --cfg-options load_from=FILE.
_base_ = './frvsr_rr_quickstart.py'
train_cfg = dict(max_iters=100)
optim_wrapper = dict(optimizer=dict(lr=2.5e-4))
param_scheduler = [
    dict(type='CosineAnnealingLR', by_epoch=False, begin=0, end=100, T_max=100, eta_min=1e-6)
]
