# STCN, 1,956,993 parameters, on luma. From Liu et al.'s survey (2022): MSE, Adam, 1e-4, batch of
# 64; windows of 5 frames, in which the weight of all but the middle one decays to nothing. Here
# all 5 of a clip count alike, and in evaluation it runs over the whole video (stcn_windows.py does
# not). We chose crop and number of iterations. The strategy here is RI-BPTT, as in the paper;
# PI-BPTT needs videos longer than a clip: train_cfg=dict(type='PIBPTTLoop', repeats=R, ...).
_base_ = ['../_base_/datasets/vimeo.py', '../_base_/runtime/default_runtime.py']
model = dict(
    type='RecurrentVSR',
    generator=dict(type='STCNNet'),
    pixel_loss=dict(type='LumaLoss', loss=dict(type='MSELoss')),
)
train_dataloader = dict(batch_size=64, dataset=dict(lr_kind='lr_bi'))
lr_kind = 'lr_bi'  # kind of the LR frames in evaluation
train_cfg = dict(type='RIBPTTLoop', max_iters=300_000, clip_length=5, crop_size=16)
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-4))
param_scheduler = []
