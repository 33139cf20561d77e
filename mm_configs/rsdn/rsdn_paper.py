# RSDN 9-128, 6,180,236 parameters. Its training code is not public: schedule and BD are those of
# RRN, by the same authors (its test code has the same BD, that of DUF). Charbonnier losses of the
# SR frames and of their detail and structure, as the paper has them; their equal weights are ours,
# at RRN's scale (see rrn_paper.py).
_base_ = [
    '../_base_/datasets/vimeo.py',
    '../_base_/schedules/rrn_70_epochs.py',
    '../_base_/runtime/default_runtime.py',
]
loss = dict(type='CharbonnierLoss', loss_weight=172_032.0, reduction='mean')
model = dict(
    type='RecurrentVSR',
    generator=dict(type='RSDNNet', mid_channels=128, num_blocks=9),
    pixel_loss=loss,
    output_losses=dict(detail=loss, structure=loss),
)
train_dataloader = dict(batch_size=4, dataset=dict(lr_kind='lr_bd_duf'))
lr_kind = 'lr_bd_duf'  # kind of the LR frames in evaluation
