# MRVSR. Its authors published networks and weights, but neither training code nor SRNL, the layer
# of their Lipschitz constraint; batch size, clips, optimizer and loss are those of RLSP's public
# code, on which MRVSR builds. A clip's first and last frame have a real neighbour beyond the clip
# in PI-BPTT only; in RI-BPTT they are repeated.
_base_ = [
    '../_base_/models/mrvsr.py',
    '../_base_/datasets/vimeo.py',
    '../_base_/schedules/rlsp_1m.py',
    '../_base_/runtime/default_runtime.py',
]
train_dataloader = dict(batch_size=4)
