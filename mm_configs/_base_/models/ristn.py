# RISTN: 3,803,120 parameters. Mean squared error of HR frames, lambda = 5e-7 on the L1 norm of the
# fusion matrix. The paper sums squared errors; compared with a sum over so many pixels lambda would
# be negligible, so here it is relative to the mean.
model = dict(
    type='RecurrentVSR',
    generator=dict(type='RISTNNet'),
    pixel_loss=dict(type='MSELoss', loss_weight=1.0, reduction='mean'),
)
lr_kind = 'lr_bi'  # kind of the LR frames in evaluation
