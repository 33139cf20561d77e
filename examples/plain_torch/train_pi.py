"""PI-BPTT of a plain PyTorch network in a training loop of your own, without config or runner."""

from pathlib import Path

import torch
from my_net import MyStepNet

from harness.clip_limits import Videos
from harness.data import VideoClipDataset
from harness.networks.plain import PlainStepNet
from harness.training.plan import Planner
from harness.training.state_bank import BankOptions, StateBank
from harness.training.state_pass import StatePass

CLIP, CROP, REPEATS, CPU = 5, 16, 4, torch.device('cpu')


def batches(net, data, plan):
    """Yields LR and GT clips of an epoch, in [0, 1], and the stored states that they start from."""
    starts, scaled = plan.boundaries(), lambda d: {**d, 'inputs': d['inputs'] / 255}
    shapes = net.state_shapes(CROP, CROP)
    bank = StateBank([len(s) for s in starts], shapes, CPU, BankOptions(), Path())
    StatePass(data, CLIP, batch_size=8).run(net.eval(), scaled, plan.entries, starts, bank)
    for batch in plan.batches:
        clips = [data[clip.index] for clip in batch]
        lrs, gts = (torch.stack([clip[key] for clip in clips]) / 255 for key in ('inputs', 'gts'))
        yield lrs, gts, bank.take([c.entry for c in batch], [c.repeat for c in batch])


if __name__ == '__main__':
    net, data = PlainStepNet(MyStepNet()), VideoClipDataset('data/sample/train')
    videos = Videos(data.lengths, data.lr_sizes, [video.name for video in data.videos])
    planner = Planner(videos, CLIP, CROP, 2, 0, REPEATS, fixed_windows=True)
    optimizer = torch.optim.Adam(net.parameters(), 1e-3)
    for epoch in range(3):
        for lrs, gts, states in batches(net, data, planner.plan(epoch)):
            loss = (net.train()(lrs, states) - gts).abs().mean()
            optimizer.zero_grad(), loss.backward(), optimizer.step()
        print(f'epoch {epoch}: loss {loss.item():.4f}')
