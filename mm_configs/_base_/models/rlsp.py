# RLSP: 1,080,336 parameters. It estimates Y only, so the loss is the mean squared error of Y.
model = dict(
    type='RecurrentVSR',
    generator=dict(type='RLSPNet', mid_channels=128, num_convs=7),
    pixel_loss=dict(type='LumaLoss', loss=dict(type='MSELoss', loss_weight=1.0, reduction='mean')),
)
