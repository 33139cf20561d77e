# RRN's public code: 70 epochs of Vimeo-90K's 64,612 clips of 7 frames in batches of 4, that is
# 70 * 64,612 / 4 iterations; Adam at 1e-4, a tenth of it after 60 epochs, weight decay 5e-4; crops
# of 64x64 LR pixels (there frames of 256x256 HR pixels and 8 mirrored ones at each border).
# The strategy is RI-BPTT, as there; PI-BPTT needs videos longer than a clip:
# train_cfg=dict(type='PIBPTTLoop', repeats=R, ...).
train_cfg = dict(type='RIBPTTLoop', max_iters=1_130_710, clip_length=7, crop_size=64)
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-4, weight_decay=5e-4))
param_scheduler = [dict(type='MultiStepLR', by_epoch=False, milestones=[969_180], gamma=0.1)]
