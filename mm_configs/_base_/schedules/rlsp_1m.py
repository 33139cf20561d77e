# RLSP's public TensorFlow code: Adam, learning rate 1e-4, clips of 10 frames, 64x64 LR crops, at
# most 1M iterations. Its schedule of learning rates is not public; here the rate is constant.
# The strategy is RI-BPTT; for PI-BPTT use train_cfg=dict(type='PIBPTTLoop', repeats=R, ...).
train_cfg = dict(type='RIBPTTLoop', max_iters=1_000_000, clip_length=10, crop_size=64)
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-4))
param_scheduler = []
