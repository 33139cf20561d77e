"""StatefulBasicVSRPlusPlusNet beside MMagic's BasicVSRPlusPlusNet, and its states."""

import pytest
import torch
from mmagic.models.editors.basicvsr_plusplus_net import BasicVSRPlusPlusNet

from harness.errors import UserError
from harness.networks.zoo import StatefulBasicVSRPlusPlusNet, States

TINY = dict(mid_channels=8, num_blocks=1)


@pytest.fixture
def pair():
    """MMagic's network and ours with its weights."""
    theirs = BasicVSRPlusPlusNet(**TINY)
    for name, parameter in theirs.named_parameters():
        if 'conv_offset' in name:  # they begin without offsets; with them they read elsewhere
            torch.nn.init.normal_(parameter, std=0.03)
    ours = StatefulBasicVSRPlusPlusNet(**TINY)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    return theirs.eval(), ours.eval()


@pytest.fixture
def net(pair):
    """Ours, which pads less and is faster for it."""
    pair[1].smallest = 16
    return pair[1]


def test_parameters():
    """7.3 M in the paper."""
    assert sum(p.numel() for p in StatefulBasicVSRPlusPlusNet().parameters()) == 7_322_927


def test_pretrained_flow(tmp_path):
    """As MMagic's file has it: without the buffers of its normalisation."""
    path = tmp_path / 'weights.pth'
    weights = StatefulBasicVSRPlusPlusNet(**TINY).spynet.state_dict()
    weights = {name: x for name, x in weights.items() if name not in ('mean', 'std')}
    torch.save(dict(state_dict=weights, meta={}), path)
    net = StatefulBasicVSRPlusPlusNet(**TINY, spynet_pretrained=str(path))
    assert all(torch.equal(net.spynet.state_dict()[name], x) for name, x in weights.items())
    with pytest.raises(UserError, match='^spynet_pretrained=nowhere.pth: no such file$'):
        StatefulBasicVSRPlusPlusNet(**TINY, spynet_pretrained='nowhere.pth')


@pytest.mark.slow
@torch.no_grad()
@pytest.mark.parametrize('frames', [2, 3, 5])
def test_equals_mmagic_bit_for_bit(pair, real_clip, frames):
    theirs, ours = pair
    video = real_clip(frames, 64, 66)
    assert torch.equal(ours(video), theirs(video))


@pytest.mark.slow
@torch.no_grad()
def test_equals_mmagic_where_it_detects_mirrored_clips(pair, real_clip):
    theirs, ours = pair
    half = real_clip(2, 64, 64, batch=1)
    video = torch.cat([half, half.flip(1)], 1)
    expected = theirs(video)
    assert theirs.is_mirror_extended
    assert torch.equal(ours(video), expected)


@pytest.mark.slow
@torch.no_grad()
@pytest.mark.parametrize('size', [(34, 50), (17, 31)], ids=str)
@pytest.mark.parametrize('frames', [1, 2])
def test_pads_small_frames(pair, real_clip, frames, size):
    theirs, ours = pair
    video = real_clip(frames, *size, batch=1)
    rows, columns = (torch.arange(64).clamp(max=length - 1) for length in size)
    padded = video[..., rows, :][..., columns]
    assert torch.equal(ours(video), theirs(padded)[..., : 4 * size[0], : 4 * size[1]])
    shapes, _ = ours.state_shapes(*size)
    assert shapes['feat_1'] == shapes['feat_2'] == (2, 8, 64, 64)
    assert shapes['lrs'] == (2, 3, *size)


@pytest.mark.slow
@torch.no_grad()
@pytest.mark.parametrize('frames', [1, 2, 3, 6])
@pytest.mark.parametrize('length', [1, 2, 3])
def test_clips_of_any_length_equal_mmagics_whole_video(pair, real_clip, frames, length):
    """At all starts, of videos that are hardly longer than what a state holds."""
    if length > frames:
        pytest.skip('the clip is longer than the video')
    theirs, ours = pair
    video = real_clip(frames, 64, 64, batch=1)
    expected = theirs(video)
    starts = torch.arange(frames - length + 1)[None]
    states = ours.states_at(video, starts, starts + length)
    for start in range(frames - length + 1):
        clip = slice(start, start + length)
        srs = ours(video[:, clip], states.map(lambda x, s=start: x[:, s]))
        assert (srs - expected[:, clip]).abs().max() <= 1e-5


@torch.no_grad()
def test_states_hold_the_last_two_frames(net, real_clip):
    video = real_clip(4, 16, 20, batch=1)
    boundaries = torch.tensor([[0, 1, 3, 4]])
    forward, backward = net.states_at(video, boundaries, boundaries)
    assert forward['known'].tolist() == [[[0, 0], [0, 1], [1, 1], [1, 1]]]
    assert backward['known'].tolist() == [[[1, 1], [1, 1], [1, 0], [0, 0]]]
    assert torch.equal(forward['lrs'][0, 2], video[0, 1:3])
    assert torch.equal(backward['lrs'][0, 1], video[0, 1:3])
    for state in (forward, backward):
        for key in ('feat_1', 'feat_2', 'lrs'):
            assert torch.equal(state[key].abs().amax((3, 4, 5)) > 0, state['known'] > 0), key


@pytest.mark.slow
@torch.no_grad()
@pytest.mark.parametrize('entry', ['feat_1', 'feat_2', 'lrs', 'known'])
@pytest.mark.parametrize('place', [0, 1])
@pytest.mark.parametrize('backward', [False, True])
def test_every_entry_of_a_state_matters(net, real_clip, entry, place, backward):
    video = real_clip(6, 16, 20, batch=1)
    states = net.states_at(video, torch.tensor([[2]]), torch.tensor([[4]])).map(lambda x: x[:, 0])
    expected = net(video[:, 2:4], states)
    states[backward][entry][:, place] = 0
    assert (net(video[:, 2:4], states) - expected).abs().max() > 1e-5


@pytest.mark.slow
@torch.no_grad()
def test_beginnings_and_later_clips_share_a_batch(net, real_clip):
    """Each sample of a batch has the frames it has alone."""
    video = real_clip(6, 16, 20)
    starts = torch.tensor([[0], [1]])
    states = net.states_at(video, starts, torch.tensor([[5], [6]])).map(lambda x: x[:, 0])
    clips = torch.stack([video[0, :5], video[1, 1:]])
    srs = net(clips, states)
    for i in range(2):
        alone = net(clips[i : i + 1], states.map(lambda x, i=i: x[i : i + 1]))
        assert (srs[i] - alone[0]).abs().max() <= 1e-6
    assert (srs[0] - net(clips[:1], States(None, None))[0]).abs().max() > 1e-5


@pytest.mark.slow
def test_clips_train(net, real_clip):
    """Gradients reach everything, the offsets too, from states as from none."""
    video = real_clip(5, 16, 16, batch=1)
    states = net.states_at(video, torch.tensor([[2]]), torch.tensor([[4]])).map(lambda x: x[:, 0])
    for given in (None, net.initial_states(video), states):
        net.train().zero_grad()
        net(video[:, 2:4], given).square().mean().backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())
        assert net.deform_align['forward_1'].conv_offset[-1].weight.grad.abs().max() > 0
