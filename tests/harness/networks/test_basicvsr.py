"""StatefulBasicVSRNet beside MMagic's BasicVSRNet."""

import pytest
import torch
from mmagic.models.editors.basicvsr.basicvsr_net import BasicVSRNet

from harness.networks.zoo import StatefulBasicVSRNet


@pytest.fixture
def pair():
    """MMagic's network and ours with its weights."""
    theirs = BasicVSRNet(mid_channels=8, num_blocks=2).eval()
    ours = StatefulBasicVSRNet(mid_channels=8, num_blocks=2).eval()
    ours.load_state_dict(theirs.state_dict(), strict=True)
    return theirs, ours


def test_default_size():
    assert sum(p.numel() for p in StatefulBasicVSRNet().parameters()) == 6_291_311


def test_state_dict_has_their_names_and_shapes(pair):
    theirs, ours = ({key: value.shape for key, value in net.state_dict().items()} for net in pair)
    assert list(ours) == list(theirs)
    assert ours == theirs


@pytest.mark.slow
@torch.no_grad()
@pytest.mark.parametrize('size', [(64, 72), (34, 50), (17, 31), (16, 16)], ids=str)
@pytest.mark.parametrize('frames', [2, 5, 6])
def test_equals_mmagic_bit_for_bit(pair, real_clip, frames, size):
    theirs, ours = pair
    video = real_clip(frames, *size)
    assert torch.equal(ours(video), theirs(video))


@pytest.mark.slow
@torch.no_grad()
@pytest.mark.parametrize('kind', ['static', 'palindromic'])
def test_equals_mmagic_where_it_detects_mirrored_clips(pair, real_clip, kind):
    theirs, ours = pair
    half = real_clip(3, 64, 64)
    video = half[:, :1].expand(-1, 6, -1, -1, -1) if kind == 'static' else None
    video = torch.cat([half, half.flip(1)], 1) if video is None else video.contiguous()
    expected = theirs(video)
    assert theirs.is_mirror_extended
    assert torch.equal(ours(video), expected)


@torch.no_grad()
def test_one_frame(pair, real_clip):
    """MMagic runs its flow network on an empty batch; ours leaves it out."""
    theirs, ours = pair
    frame = real_clip(1, 24, 40)
    out = ours(frame)
    assert out.shape == (2, 1, 3, 96, 160)
    zeros = frame.new_zeros(2, 8, 24, 40)
    feats = [
        branch(torch.cat([frame[:, 0], zeros], 1))
        for branch in (theirs.backward_resblocks, theirs.forward_resblocks)
    ]
    x = theirs.lrelu(theirs.fusion(torch.cat(feats, 1)))
    for layer in (theirs.upsample1, theirs.upsample2, theirs.conv_hr):
        x = theirs.lrelu(layer(x))
    expected = theirs.conv_last(x) + theirs.img_upsample(frame[:, 0])
    assert (out[:, 0] - expected).abs().max() <= 1e-6


@pytest.mark.slow
def test_batched_reconstruction_of_training(pair, real_clip):
    _, ours = pair
    video = real_clip(5, 20, 28)
    with torch.no_grad():
        expected = ours(video)
    frames = ours.train()(video)
    assert frames.requires_grad
    assert (frames - expected).abs().max() <= 1e-5


def test_options_change_the_right_layers():
    net = StatefulBasicVSRNet(
        mid_channels=8, num_blocks=1, hr_channels=12, flow_net=dict(type='DISFlow'), cond_channels=1
    )
    assert net.upsample2.upsample_conv.out_channels == 4 * 12
    assert net.conv_last.in_channels == 12
    assert net.forward_resblocks.main[0].in_channels == 8 + 3 + 1
    assert net.backward_resblocks.main[0].in_channels == 8 + 3 + 1
    assert not any('spynet' in name for name, _ in net.named_parameters())
