# MRVSR. Its authors published networks and weights, but neither training code nor SRNL, the layer
# of their Lipschitz constraint; batch size, clips, optimizer and loss are those of RLSP's public
# code, on which MRVSR builds. A clip's last frame has its real neighbour beyond the clip, its first
# one in PI-BPTT and TBPTT only; in RI-BPTT it is repeated.
_base_ = [
    '../_base_/models/mrvsr.py',
    '../_base_/datasets/vimeo.py',
    '../_base_/schedules/rlsp_1m.py',
    '../_base_/runtime/default_runtime.py',
]
train_dataloader = dict(batch_size=4)
