"""Modules as other people write them: torch alone."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn


def conv(inputs, outputs):
    return nn.Conv2d(inputs, outputs, 3, padding=1)


def enlarge(lr, detail):
    up = F.interpolate(lr, scale_factor=4, mode='bilinear', align_corners=False)
    return up + F.pixel_shuffle(detail, 4)


class TensorNet(nn.Module):
    """The state is one map of features. With ``cond_channels`` it reads the frame's number."""

    def __init__(self, channels=8, cond_channels=0):
        super().__init__()
        self.channels = channels
        self.body = conv(3 + cond_channels + channels, channels)
        self.tail = conv(channels, 48)

    def step(self, lr, state, cond=None):
        if state is None:
            state = lr.new_zeros(len(lr), self.channels, *lr.shape[-2:])
        if cond is not None:
            lr_and_cond = torch.cat([lr, cond.expand(-1, -1, *lr.shape[-2:])], 1)
        else:
            lr_and_cond = lr
        state = self.body(torch.cat([lr_and_cond, state], 1)).tanh()
        return enlarge(lr, self.tail(state)), state


class TupleNet(nn.Module):
    """A ConvLSTM at half resolution, hidden and cell; weights are normalised."""

    def __init__(self, channels=8):
        super().__init__()
        self.channels = channels
        self.gates = nn.utils.parametrizations.weight_norm(conv(3 + channels, 4 * channels))
        self.tail = conv(channels, 48)

    def step(self, lr, state):
        small = F.avg_pool2d(lr, 2, ceil_mode=True)
        hidden, cell = state or (lr.new_zeros(len(lr), self.channels, *small.shape[-2:]),) * 2
        gates = self.gates(torch.cat([small, hidden], 1))
        first, forget, out, new = gates.chunk(4, 1)
        cell = forget.sigmoid() * cell + first.sigmoid() * new.tanh()
        hidden = out.sigmoid() * cell.tanh()
        features = F.interpolate(hidden, size=lr.shape[-2:])
        return enlarge(lr, self.tail(features)), (hidden, cell)


class Memory(NamedTuple):
    features: torch.Tensor
    count: torch.Tensor


class NamedTupleNet(TensorNet):
    """Counts frames up to 1 beside its features."""

    def step(self, lr, state):
        state = state or Memory(None, torch.zeros_like(lr[:, :1]))
        sr, features = super().step(lr, state.features)
        bright = 0.1 * F.interpolate(state.count, None, 4)
        return sr + bright, Memory(features, (state.count + 0.3).clamp(max=1))


class DictNet(nn.Module):
    """Frame-recurrent: the LR frame before and the SR frame before."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(conv(6 + 48, 16), nn.BatchNorm2d(16), nn.ReLU(), conv(16, 48))

    def step(self, lr, state):
        if state is None:
            state = {'lr': torch.zeros_like(lr), 'sr': F.interpolate(torch.zeros_like(lr), None, 4)}
        detail = self.body(torch.cat([lr, state['lr'], F.pixel_unshuffle(state['sr'], 4)], 1))
        sr = enlarge(lr, detail)
        return sr, {'lr': lr, 'sr': sr}


class VideoNet(nn.Module):
    """BasicSR's kind: whole clips in and out."""

    def __init__(self, channels=8):
        super().__init__()
        self.body = conv(9, channels)
        self.tail = conv(channels, 48)

    def forward(self, x):
        before, after = x[:, :1], x[:, -1:]
        padded = torch.cat([before, x, after], 1)
        windows = torch.cat([padded[:, :-2], x, padded[:, 2:]], 2).flatten(0, 1)
        detail = self.tail(self.body(windows).relu())
        return enlarge(x.flatten(0, 1), detail).unflatten(0, x.shape[:2])
