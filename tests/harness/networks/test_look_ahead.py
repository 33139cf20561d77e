"""Networks that read the next frame: streaming, chains of clips, ends of padded videos."""

import pytest
import torch
from mmagic.registry import MODELS

from harness.networks.look_ahead import frame_before, frames_after, states_after
from harness.networks.zoo import States

NETWORKS = {
    'mrvsr': dict(type='MRVSRNet', mid_channels=8, lipschitz=dict(size=16)),
    'rlsp': dict(type='RLSPNet', mid_channels=8, num_convs=3),
    'rfs3': dict(type='RFS3Net', mid_channels=8, num_convs=3),
}


@pytest.fixture(params=[(name, fc) for name in NETWORKS for fc in (False, True)], ids=str)
def net(request):
    """A small network with look-ahead, plain and frame-conditioned."""
    name, conditioned = request.param
    cfg = NETWORKS[name]
    if conditioned:
        cfg = dict(type='FrameConditioned', net=cfg, last_frame=10)
    return MODELS.build(cfg).eval()


@torch.no_grad()
def test_the_last_frame_again_is_the_end_of_the_video(net, real_clip):
    """So that clips at the end of their video can share a batch with others in training."""
    clip = real_clip(3, 16, 16)
    assert torch.equal(net(clip, States(None, net.following(clip[:, -1:]))), net(clip))


def stream(net, video):
    """Frame by frame, each when the next one has come."""
    forward, srs = None, []
    for t in range(video.size(1)):
        is_last = t + 1 == video.size(1)
        backward = None if is_last else net.following(video[:, t + 1 : t + 2])
        states = States(forward, backward)
        frame, (forward, _) = net(video[:, t : t + 1], states, start=t, return_states=True)
        srs.append(frame)
    return torch.cat(srs, 1)


@torch.inference_mode()
@pytest.mark.parametrize('size', [(34, 50), (16, 16), (7, 33)], ids=str)
@pytest.mark.parametrize('frames', [1, 2, 3, 20])
def test_streaming_equals_the_whole_video(net, real_clip, frames, size):
    video = real_clip(frames, *size)
    assert (stream(net, video) - net(video)).abs().max() <= 1e-5


@torch.no_grad()
def test_the_next_frame_matters(net, real_clip):
    """Otherwise the test above would pass for a network that ignores it."""
    video = real_clip(2, 16, 16)
    states = States(None, net.following(video[:, 1:2]))
    assert (net(video[:, :1], states) - net(video[:, :1])).abs().max() > 1e-4
    assert (net(video[:, :1], states) - net(video)[:, :1]).abs().max() <= 1e-5


@torch.no_grad()
def test_clips_chain_through_the_states_they_return(net, real_clip):
    """A clip's returned backward state is what the clip before it needs."""
    video = real_clip(5, 16, 20)
    _, (_, backward) = net(video[:, 3:], None, 3, return_states=True)
    first, (forward, _) = net(video[:, :3], States(None, backward), 0, return_states=True)
    second = net(video[:, 3:], States(forward), 3)
    assert (torch.cat([first, second], 1) - net(video)).abs().max() <= 1e-5


@torch.no_grad()
def test_state_at_the_end_of_a_padded_video(net, real_clip):
    """The last state sees the last frame again, or the frame given to follow, but no padding."""
    video = real_clip(6, 16, 20)
    padded = video.clone()
    padded[0, 4:] = 0.9
    lengths = torch.tensor([4, 6])
    cond = net.condition(video, 0)
    known = States(None, net.following(video[:, :1]))
    for initial in (None, known):
        states = net.states_at(
            padded, lengths[:, None], lengths[:, None], cond, lengths, initial=initial
        )
        for b, length in enumerate(lengths):
            clip = video[b : b + 1, :length]
            mine = initial and initial.map(lambda x, b=b: x[b : b + 1])
            expected = net(clip, mine, 0, return_states=True)[1].forward
            for key, x in expected.items():
                assert torch.allclose(states.forward[key][b, 0], x[0], atol=1e-5), key
            for key, x in states.backward.items():
                wanted = torch.zeros_like(x[b, 0]) if initial is None else known.backward[key][b]
                assert torch.equal(x[b, 0], wanted)


def test_neighbours_by_hand():
    """Two videos of one-pixel frames: 1 2 3 (4 after it) and 5 6 (nothing after it), padded."""
    lrs = torch.tensor([[1.0, 2, 3], [5, 6, -1]])[..., None, None, None].expand(-1, -1, 3, 1, 1)
    after = {'lr': torch.tensor([4.0, 0]).view(2, 1, 1, 1).expand(-1, 3, 1, 1)}
    after['known'] = torch.tensor([[1.0], [0]])
    lengths = torch.tensor([3, 2])
    frames = frames_after(lrs, after, lengths)[:, :, 0, 0, 0]
    assert frames[0].tolist() == [2, 3, 4]
    assert frames[1, :2].tolist() == [6, 6]
    assert frames_after(lrs, None, lengths, 1, 3)[0, :, 0, 0, 0].tolist() == [3, 3]
    states = states_after(lrs, torch.tensor([[1, 3], [1, 2]]), lengths, after)
    assert states['lr'][..., 0, 0, 0].tolist() == [[2, 4], [6, 0]]
    assert states['known'][..., 0].tolist() == [[1, 1], [1, 0]]
    assert frame_before(lrs, after)[:, 0, 0, 0].tolist() == [4, 5]
    assert frame_before(lrs, None)[:, 0, 0, 0].tolist() == [1, 5]
