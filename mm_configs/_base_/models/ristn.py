# RISTN: 3,803,120 parameters. Mean squared error of HR frames, lambda = 5e-7 on the L1 norm of the
# fusion matrix. The paper writes squared errors summed; beside a sum of that many pixels lambda
# would be next to nothing, so that it belongs to their mean here.
model = dict(
    type='RecurrentVSR',
    generator=dict(type='RISTNNet'),
    pixel_loss=dict(type='MSELoss', loss_weight=1.0, reduction='mean'),
)
lr_kind = 'lr_bi'  # of the frames it is evaluated on
