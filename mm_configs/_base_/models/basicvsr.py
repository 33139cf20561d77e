# BasicVSR: 6,291,311 parameters. spynet_pretrained takes the path of SPyNet weights.
model = dict(
    type='RecurrentVSR',
    generator=dict(
        type='StatefulBasicVSRNet', mid_channels=64, num_blocks=30, spynet_pretrained=None
    ),
    pixel_loss=dict(type='CharbonnierLoss', loss_weight=1.0, reduction='mean'),
)
