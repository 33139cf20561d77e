"""Overlapping pieces and guarded resets, against what the network gives for pieces cut by hand."""

import numpy as np
import pytest
import torch
from mmagic.registry import MODELS
from torch import nn

from harness.errors import UserError
from harness.evaluation.inference import super_resolve
from harness.networks.recurrent import RecurrentNet, States, Unrolled
from harness.runs.resets import Reset

NET = dict(
    type='FRVSRNet',
    mid_channels=4,
    num_blocks=1,
    flow_net=dict(type='ConvFlowNet', channels=4),
    tail='pixel_shuffle',
    residual_recurrence=True,
)
BIDIRECTIONAL = dict(
    type='StatefulBasicVSRNet',
    mid_channels=4,
    num_blocks=1,
    hr_channels=4,
    flow_net=dict(type='ConvFlowNet', channels=4),
)


@MODELS.register_module()
class CountingNet(RecurrentNet):
    """Its state is the number of frames seen, to the power of ``power``; frames show the state."""

    def __init__(self, power=1.0, forgets=False):
        super().__init__()
        self.power, self.forgets = power, forgets
        self.weight = nn.Parameter(torch.ones(1))

    def unroll(self, lrs, states=None, cond=None):
        state = states and states.forward
        count = torch.zeros_like(lrs[:, 0, :1]) if state is None else state['count']
        frames = []
        for _ in range(lrs.size(1)):
            count = torch.ones_like(count) if self.forgets else count + 1
            frames.append(count.repeat(1, 3, 4, 4) * self.weight / 255)
        return Unrolled(torch.stack(frames, 1), States({'count': count}))


def build(cfg):
    torch.manual_seed(0)
    return MODELS.build(cfg)


def frames_of(net, lrs, reset=None):
    return np.stack([sr.rgb for sr in super_resolve(net, lrs, 'cpu', reset=reset)])


@pytest.mark.parametrize('cfg', [NET, BIDIRECTIONAL], ids=['forward', 'both ways'])
@pytest.mark.parametrize('total', [14, 13, 11, 6, 5, 1])
def test_overlapping_pieces(video, cfg, total):
    """Pieces of 6 frames, 3 apart: 0-5, 3-8, ...; all but the last give up 1 of 3 at their end."""
    net, lrs = build(cfg), video(total, 8, 12)
    expected = frames_of(net, lrs[:6])
    for start in range(3, max(total - 3, 0), 3):
        piece = frames_of(net, lrs[start : start + 6])
        expected = np.concatenate([expected[: start + 2], piece[2:]])
    outputs = list(super_resolve(net, iter(lrs), 'cpu', reset=Reset(6, 'overlap', 3)))
    assert np.array_equal(np.stack([sr.rgb for sr in outputs]), expected)
    assert all(sr.ms > 0 for sr in outputs)


def test_blended_pieces(video):
    net, lrs = build(NET), video(8, 8, 12)
    first, second = frames_of(net, lrs[:6]), frames_of(net, lrs[2:])
    # the first piece ends with frame 5, the second begins with frame 2: too far apart to blend by 4
    outputs = frames_of(net, lrs, Reset(6, 'blend', 2))
    second = frames_of(net, lrs[4:])
    for number in range(8):
        share = [0, 0, 0, 0, 1 / 3, 2 / 3, 1, 1][number]
        earlier = first[number] if number < 6 else 0
        later = second[number - 4] if number >= 4 else 0
        assert np.abs(outputs[number] - ((1 - share) * earlier + share * later)).max() <= 0.5


def test_norm_sets_the_state_back(video):
    """Back to the initial state where it is more than twice what it was after 3 frames."""
    net = build(dict(type='CountingNet'))
    outputs = list(super_resolve(net, video(12, 2, 2), 'cpu', reset=Reset(3, 'norm', 2)))
    assert [int(sr.rgb[0, 0, 0]) for sr in outputs] == [1, 2, 3, 4, 5, 6, 7, 1, 2, 3, 4, 5]
    assert [sr.is_reset for sr in outputs] == [False] * 7 + [True] + [False] * 4


def test_a_state_that_is_no_number_is_set_back(video):
    net = build(dict(type='CountingNet'))
    outputs = super_resolve(net, video(6, 2, 2), 'cpu', reset=Reset(1, 'norm', 1e9))
    found = []
    for number, sr in enumerate(outputs):
        found.append(sr.is_reset)
        net.weight.data.fill_(1)
        net.unroll = _broken(net.unroll) if number == 2 else type(net).unroll.__get__(net)
    assert found == [False, False, False, False, True, False]


def _broken(unroll):
    def broken(*args):
        out = unroll(*args)
        return Unrolled(out.frames, States({'count': out.states.forward['count'] * torch.nan}))

    return broken


def test_distance_takes_the_fresh_state(video):
    """Every 3 frames the fresh state is 3; the carried one differs by 1 of that after 6 frames."""
    net = build(dict(type='CountingNet'))
    outputs = list(super_resolve(net, video(10, 2, 2), 'cpu', reset=Reset(3, 'distance', 0.9)))
    assert [int(sr.rgb[0, 0, 0]) for sr in outputs] == [1, 2, 3, 4, 5, 6, 4, 5, 6, 4]
    assert [n for n, sr in enumerate(outputs) if sr.is_reset] == [6, 9]
    kept = super_resolve(net, video(10, 2, 2), 'cpu', reset=Reset(3, 'distance', 2.1))
    assert [n for n, sr in enumerate(kept) if sr.is_reset] == []


@pytest.mark.parametrize('reset', [Reset(2, 'distance', 1e-3), Reset(2, 'norm', 1.01)])
def test_a_network_that_forgets_is_left_alone(video, reset):
    net, lrs = build(dict(type='CountingNet', forgets=True)), video(9, 2, 2)
    assert np.array_equal(frames_of(net, lrs, reset), frames_of(net, lrs))


@pytest.mark.parametrize('kind', ['norm', 'distance'])
@pytest.mark.parametrize('cfg', [BIDIRECTIONAL, dict(type='BicubicUpsampler')])
def test_what_no_guard_can_watch(video, kind, cfg):
    with pytest.raises(UserError, match='needs a unidirectional network with a state'):
        list(super_resolve(build(cfg), video(3, 8, 12), 'cpu', reset=Reset(2, kind, 1)))
