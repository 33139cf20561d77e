# An extension, not in the paper: SPMC's ConvLSTM remembers the whole video. Clips as in the PI-BPTT
# paper, so that RI and PI (train_cfg.type=PIBPTTLoop train_cfg.repeats=R) and FC can be compared.
_base_ = './spmc_paper.py'
model = dict(generator=dict(carry=True))
train_dataloader = dict(batch_size=4)
train_cfg = dict(clip_length=15)
