# RealViformer, 5,817,593 parameters. Its authors published test code and weights, but no options of
# trainings; the schedule here is that of RealBasicVSR's first stage in MMagic
# (realbasicvsr_paper.py), whose random degradations RealViformer is trained on too. These
# degradations are not here: of the harness's LR frames BI is the nearest. The published weights are
# of a second stage against a discriminator; the test code sets the state back every 100 frames
# (reset_every=[100]).
# spynet_pretrained takes the path of SPyNet weights; without them the flow network starts as it is
# initialised.
# The strategy here is RI-BPTT; PI-BPTT is train_cfg=dict(type='PIBPTTLoop', repeats=R, ...).
_base_ = ['../_base_/datasets/reds.py', '../_base_/runtime/default_runtime.py']
model = dict(
    type='RecurrentVSR',
    generator=dict(
        type='RealViformerNet',
        mid_channels=48,
        num_blocks=(2, 3, 4, 1),
        heads=(1, 2, 4),
        merge_heads=2,
        expansion=2.66,
        squeeze=4,
        spynet_pretrained=None,
    ),
    pixel_loss=dict(type='L1Loss', loss_weight=1.0, reduction='mean'),
)
train_dataloader = dict(batch_size=16, dataset=dict(lr_kind='lr_bi'))
lr_kind = 'lr_bi'  # of the frames it is evaluated on
train_cfg = dict(type='RIBPTTLoop', max_iters=300_000, clip_length=30, crop_size=64)
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-4, betas=(0.9, 0.99)))
param_scheduler = []
