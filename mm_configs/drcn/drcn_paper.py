# DRCN, 1,775,121 parameters, frame by frame, on luma. From a public reimplementation
# (LoSealL/VideoSuperResolution): MSE of the output and of the image after every recursion (whose
# weight decays there from 1 to 0; here both have 1/2), Adam, 1e-4, batch of 16 patches of 64x64 HR
# pixels, weight decay 1e-4. We chose the number of iterations. The authors train on photographs,
# here on frames of videos.
_base_ = ['../_base_/datasets/vimeo.py', '../_base_/runtime/default_runtime.py']
loss = dict(type='MSELoss', loss_weight=0.5, reduction='mean')
model = dict(
    type='RecurrentVSR',
    generator=dict(type='DRCNNet'),
    pixel_loss=dict(type='LumaLoss', loss=loss),
    output_losses=dict(recursions=loss),
)
train_dataloader = dict(batch_size=16, dataset=dict(lr_kind='lr_bi'))
lr_kind = 'lr_bi'  # kind of the LR frames in evaluation
train_cfg = dict(type='RIBPTTLoop', max_iters=300_000, clip_length=1, crop_size=16)
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-4, weight_decay=1e-4))
param_scheduler = []
