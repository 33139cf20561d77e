# RRN with 10 residual blocks (RRN-L), 3,364,400 parameters, trained as in its authors' public code
# but on other videos. That code sums the L1 loss over pixels and divides it by the batch's clips
# and by 8 (the 7 frames of a clip and the one before them): the mean times 3 * 256 * 256 * 7 / 8.
# To Adam the factor matters because of the weight decay, which is part of the gradient. LR frames
# are those of DUF's BD, here rounded to 8 bits.
_base_ = [
    '../_base_/datasets/vimeo.py',
    '../_base_/schedules/rrn_70_epochs.py',
    '../_base_/runtime/default_runtime.py',
]
model = dict(
    type='RecurrentVSR',
    generator=dict(type='RRNNet', mid_channels=128, num_blocks=10),
    pixel_loss=dict(type='L1Loss', loss_weight=172_032.0, reduction='mean'),
)
train_dataloader = dict(batch_size=4, dataset=dict(lr_kind='lr_bd_duf'))
lr_kind = 'lr_bd_duf'  # kind of the LR frames in evaluation
