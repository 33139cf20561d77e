# FRVSR: 2,589,093 parameters. Charbonnier loss on HR frames, warping loss on LR frames.
model = dict(
    type='RecurrentVSR',
    generator=dict(type='FRVSRNet', mid_channels=64, num_blocks=10),
    pixel_loss=dict(type='CharbonnierLoss', loss_weight=1.0, reduction='mean'),
    flow_loss_weight=1.0,
)
