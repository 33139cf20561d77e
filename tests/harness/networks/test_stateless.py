"""Networks that give no states, and RDN."""

import pytest
import torch
from mmagic.models.editors.rdn.rdn_net import RDNNet
from mmagic.registry import MODELS

from harness.errors import UserError
from harness.networks.stateless import map_frames
from harness.networks.zoo import FramewiseRDNNet, States

SMALL_RDN = dict(mid_channels=8, num_blocks=2, num_layers=3, channel_growth=4)
STATELESS = [
    dict(type='BicubicUpsampler'),
    dict(type='FramewiseRDNNet', **SMALL_RDN),
    dict(type='LapSRNNet', mid_channels=4, depth=1),
    dict(type='DRCNNet', mid_channels=4, recursions=2),
    dict(type='DSRNNet', mid_channels=4, steps=4),
    dict(type='PlainVideoNet', net='tests.harness.networks.plain_nets:VideoNet'),
]


@pytest.mark.parametrize('cfg', STATELESS, ids=lambda cfg: cfg['type'])
def test_states_and_frame_numbers_are_refused(cfg, real_clip):
    net = MODELS.build(cfg)
    assert not net.has_states
    clip = real_clip(2, 16, 16)
    assert net.initial_states(clip) == States(None, None)
    zeros = torch.zeros(2, 1, dtype=torch.int)
    with pytest.raises(UserError, match=f'{cfg["type"]} provides no states; train it with RI'):
        net.states_at(clip, zeros, zeros)
    with pytest.raises(UserError, match=f'{cfg["type"]} has no recurrence, which frame-number'):
        MODELS.build(dict(type='FrameConditioned', net=cfg, last_frame=9))


def test_states_are_the_rule():
    for name in ('FRVSRNet', 'StatefulBasicVSRNet', 'BRCNNet', 'VESPCNNet'):
        assert MODELS.get(name).has_states


def test_map_frames():
    frames = torch.arange(12.0).view(2, 3, 2)
    calls = []

    def double(x):
        calls.append(x.shape)
        return 2 * x

    for at_once in (True, False):
        assert torch.equal(map_frames(double, frames, at_once), 2 * frames)
    assert calls == [(6, 2), (2, 2), (2, 2), (2, 2)]


def test_rdn_parameters():
    """16 blocks of 8 densely connected layers; RISTN's Table 1 says 22 M."""
    layers = sum((64 + 64 * i) * 64 * 9 + 64 for i in range(8))
    block = layers + (64 + 8 * 64) * 64 + 64
    conv = 64 * 64 * 9 + 64
    ends = (3 * 64 * 9 + 64) + conv + (16 * 64 * 64 + 64) + conv + (64 * 3 * 9 + 3)
    upscale = 2 * (64 * 256 * 9 + 256)
    expected = 16 * block + ends + upscale
    assert sum(p.numel() for p in FramewiseRDNNet().parameters()) == expected == 22_271_107


@torch.no_grad()
@pytest.mark.parametrize('size', [(34, 50), (17, 31)], ids=str)
@pytest.mark.parametrize('frames', [1, 3])
def test_rdn_equals_mmagic_bit_for_bit(real_clip, frames, size):
    theirs = RDNNet(3, 3, 8, num_blocks=2, num_layers=3, channel_growth=4).eval()
    ours = FramewiseRDNNet(**SMALL_RDN).eval()
    ours.load_state_dict(theirs.state_dict(), strict=True)
    video = real_clip(frames, *size)
    out = ours(video)
    assert out.shape == (2, frames, 3, 4 * size[0], 4 * size[1])
    for t in range(frames):
        assert torch.equal(out[:, t], theirs(video[:, t]))
