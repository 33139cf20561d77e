"""Small networks for tests of inference: of every kind of memory."""

import torch
from mmagic.registry import MODELS
from torch import nn

from harness.networks.recurrent import RecurrentNet, States, Sweep, Unrolled

CONV_FLOW = dict(type='ConvFlowNet', channels=8)
FRVSR = dict(type='FRVSRNet', mid_channels=8, num_blocks=1, flow_net=dict(type='FRVSRFlowNet'))
RESIDUAL = dict(
    type='FRVSRNet',
    mid_channels=8,
    num_blocks=1,
    flow_net=CONV_FLOW,
    tail='pixel_shuffle',
    residual_recurrence=True,
)
BASICVSR = dict(type='StatefulBasicVSRNet', mid_channels=8, num_blocks=1, hr_channels=8)
BASICVSR_CONV_FLOW = BASICVSR | dict(flow_net=CONV_FLOW)


@MODELS.register_module()
class LookAheadNet(RecurrentNet):
    """A running mean, the frame and the two frames after it, of which at the end black ones."""

    look_ahead = 2

    def __init__(self, cond_channels=0):
        super().__init__()
        self.conv = nn.Conv2d(12 + cond_channels, 48, 3, padding=1)

    def following(self, lrs):
        missing = self.look_ahead - lrs.size(1)
        return {'lrs': nn.functional.pad(lrs, (0, 0) * 3 + (0, missing))}

    def unroll(self, lrs, states=None, cond=None):
        state, after = states or States()
        after = self.following(lrs[:, :0]) if after is None else after
        padded = torch.cat([lrs, after['lrs']], 1)
        mean = torch.zeros_like(lrs[:, 0]) if state is None else state['mean']
        frames = []
        for i in range(lrs.size(1)):
            inputs = [mean, *padded[:, i : i + 3].unbind(1)]
            if cond is not None:
                inputs.append(cond[:, i].expand_as(mean[:, :1]))
            frames.append(torch.pixel_shuffle(self.conv(torch.cat(inputs, 1)), 4))
            mean = 0.5 * (mean + lrs[:, i])
        return Unrolled(torch.stack(frames, 1), States({'mean': mean}))


@MODELS.register_module()
class StackedNet(RecurrentNet):
    """Two layers; in each one, means run over what the layer below gives, in both directions."""

    bidirectional = True

    def __init__(self, chain=True):
        super().__init__()
        self.chain = chain
        self.conv = nn.Conv2d(12, 48, 3, padding=1)

    def sweeps(self):
        layers = [
            Sweep(False, lambda lrs, stored, *rest: self._mean(lrs.unbind(1), *rest)),
            Sweep(True, lambda lrs, stored, *rest: self._mean(lrs.unbind(1), *rest, True)),
            Sweep(True, lambda lrs, stored, *rest: self._mean(self._sums(stored), *rest, True)),
            Sweep(False, self._finish),
        ]
        return layers if self.chain else []

    def _mean(self, xs, state, cond, backward=False):
        means = []
        for x in xs[::-1] if backward else xs:
            state = {'mean': x if state is None else 0.5 * (state['mean'] + x)}
            means.append(state['mean'])
        return means[::-1] if backward else means, state

    @staticmethod
    def _sums(stored):
        return [a + b for a, b in zip(*stored[:2], strict=True)]

    def _finish(self, lrs, stored, state, cond):
        forward, state = self._mean(self._sums(stored), state, cond)
        inputs = zip(*stored, forward, strict=True)
        return [torch.pixel_shuffle(self.conv(torch.cat(x, 1)), 4) for x in inputs], state

    def unroll(self, lrs, states=None, cond=None):
        below = (
            self._mean(lrs.unbind(1), None, None)[0],
            self._mean(lrs.unbind(1), None, None, True)[0],
        )
        above = self._mean(self._sums(below), None, None, True)[0]
        frames, _ = self._finish(lrs, [*below, above], None, None)
        return Unrolled(torch.stack(frames, 1), States())


def build(cfg, conditioned=False):
    """A network whose frames depend on its states."""
    cfg = dict(type='FrameConditioned', net=cfg, last_frame=5) if conditioned else cfg
    net = MODELS.build(cfg).eval()
    for parameter in net.parameters():
        if parameter.ndim == 4 and parameter.shape[-1] == 3:
            parameter.data.mul_(1.5)
    return net
