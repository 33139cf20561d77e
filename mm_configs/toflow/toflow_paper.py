# TOFlow, 1,405,899 parameters, which MMagic only tests: its weights are translated from the
# authors' and load with harness/test.py, hence adapt_official_weights. L1 and Adam at 1e-4 are
# from the paper, which trains on the middle one of 7 frames of Vimeo-90K, one at a time; we chose
# batch, crop and number of iterations. As for VESPCN, with RI the first frames of a clip see no
# frame before the clip.
_base_ = ['../_base_/datasets/vimeo.py', '../_base_/runtime/default_runtime.py']
model = dict(
    type='RecurrentVSR',
    generator=dict(type='WindowTOFlowNet', adapt_official_weights=True),
    pixel_loss=dict(type='L1Loss', loss_weight=1.0, reduction='mean'),
)
train_dataloader = dict(batch_size=4, dataset=dict(lr_kind='lr_bi'))
lr_kind = 'lr_bi'  # kind of the LR frames in evaluation
train_cfg = dict(type='RIBPTTLoop', max_iters=300_000, clip_length=7, crop_size=64)
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-4))
param_scheduler = []
