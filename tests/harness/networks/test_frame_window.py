"""FrameWindowNet: which frames a window reads, and streaming."""

import pytest
import torch
from mmagic.registry import MODELS

from harness.networks.zoo import FrameWindowNet, States


class Recorder(FrameWindowNet):
    """Shows the middle LR frame and remembers the frames of its windows by their mean value."""

    radius = 2

    def super_resolve_centre(self, windows):
        self.seen = windows.mean((2, 3, 4)).round().int().tolist()
        srs = windows[:, self.radius].repeat_interleave(4, -1).repeat_interleave(4, -2)
        return srs, dict(loss_mean=windows.mean())


def numbered(*numbers):
    """One video whose frames have these values."""
    return torch.tensor(numbers, dtype=torch.float).view(1, -1, 1, 1, 1).expand(-1, -1, 3, 4, 5)


def test_windows_at_the_ends_of_a_video():
    net = Recorder().train()
    assert net.look_ahead == 2
    net(numbered(1, 2, 3, 4))
    assert net.seen == [[1, 1, 1, 2, 3], [1, 1, 2, 3, 4], [1, 2, 3, 4, 4], [2, 3, 4, 4, 4]]
    net(numbered(7))
    assert net.seen == [[7] * 5]


def test_windows_from_states():
    """States with all frames, with one, and without any, in one batch."""
    net = Recorder().train()
    videos = numbered(1, 2, 3, 4, 5, 6).expand(3, -1, -1, -1, -1)
    boundaries = torch.tensor([[2], [1], [0]])
    ends = torch.tensor([[4], [5], [6]])
    states = net.states_at(videos, boundaries, ends).map(lambda x: x[:, 0])
    assert states.forward['known'].tolist() == [[1, 1], [0, 1], [0, 0]]
    assert states.backward['known'].tolist() == [[1, 1], [1, 0], [0, 0]]
    clip = numbered(10, 20).expand(3, -1, -1, -1, -1)
    net(clip, states)
    assert net.seen == [
        [1, 2, 10, 20, 5],
        [2, 10, 20, 5, 6],
        [1, 1, 10, 20, 6],
        [1, 10, 20, 6, 6],
        [10, 10, 10, 20, 20],
        [10, 10, 20, 20, 20],
    ]


def test_following_frames():
    net = Recorder()
    for count in (0, 1, 2):
        state = net.following(numbered(8, 9)[:, :count])
        assert state['known'].tolist() == [[1.0] * count + [0.0] * (2 - count)]
        assert state['lrs'].mean((2, 3, 4)).tolist() == [[8.0, 9.0][:count] + [0.0] * (2 - count)]


def test_losses_are_of_training_only():
    clip = numbered(1, 2, 3)
    losses = Recorder().train().unroll(clip).losses
    assert losses['loss_mean'] == pytest.approx((5 * 6 - 3 + 3) / 15)
    assert Recorder().eval().unroll(clip).losses is None


@torch.no_grad()
@pytest.mark.parametrize('size', [(34, 50), (17, 31)], ids=str)
@pytest.mark.parametrize('frames', [1, 2, 3, 20])
def test_streaming_equals_the_whole_video(real_clip, frames, size):
    net = MODELS.build(dict(type='VESPCNNet', num_layers=3)).eval()
    video = real_clip(frames, *size, batch=1)
    whole = net(video)
    state = None
    for t in range(frames):
        states = States(state, net.following(video[:, t + 1 : t + 2]))
        frame, after = net(video[:, t : t + 1], states, return_states=True)
        state = after.forward
        assert (frame[:, 0] - whole[:, t]).abs().max() <= 1e-5


@torch.no_grad()
def test_training_and_evaluation_give_the_same_frames(real_clip):
    net = MODELS.build(dict(type='VESPCNNet', num_layers=3))
    video = real_clip(4, 20, 28)
    assert (net.train()(video) - net.eval()(video)).abs().max() <= 1e-5
