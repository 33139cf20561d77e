# MRVSR: 1,209,360 parameters. It estimates Y only, so the loss is the mean squared error of Y.
model = dict(
    type='RecurrentVSR',
    generator=dict(type='MRVSRNet', mid_channels=128, lipschitz=dict(bound=1.0, size=64)),
    pixel_loss=dict(type='LumaLoss', loss=dict(type='MSELoss', loss_weight=1.0, reduction='mean')),
)
