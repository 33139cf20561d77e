# LapSRN, 814,242 parameters, frame by frame, on luma. From the authors' public code: Charbonnier
# losses at x2 and x4, batch of 64 patches of 32x32 LR pixels, 1e-5 halved every 5,000 iterations
# down to 1e-6 (SGD on sums over pixels; Adam and its rates on the means here are ours), weight
# decay 1e-4, 1,000 epochs of 100 batches. The authors train on photographs, here on frames of
# videos.
# Their weights load: python -m harness.networks convert LapSRN_x4.mat weights/lapsrn.pth
_base_ = ['../_base_/datasets/vimeo.py', '../_base_/runtime/default_runtime.py']
loss = dict(type='CharbonnierLoss', loss_weight=1.0, reduction='mean', eps=1e-6)
model = dict(
    type='RecurrentVSR',
    generator=dict(type='LapSRNNet'),
    pixel_loss=dict(type='LumaLoss', loss=loss),
    output_losses=dict(first_level=loss),
)
train_dataloader = dict(batch_size=64, dataset=dict(lr_kind='lr_bi'))
lr_kind = 'lr_bi'  # kind of the LR frames in evaluation
train_cfg = dict(type='RIBPTTLoop', max_iters=100_000, clip_length=1, crop_size=32)
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-4, weight_decay=1e-4))
param_scheduler = [dict(type='StepLR', by_epoch=False, step_size=30_000, gamma=0.5)]
