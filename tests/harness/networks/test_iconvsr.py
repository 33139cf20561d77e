"""StatefulIconVSRNet beside MMagic's IconVSRNet, its keyframes and its states."""

import pytest
import torch
from mmagic.models.editors.iconvsr import IconVSRNet

from harness.errors import UserError
from harness.networks.zoo import StatefulIconVSRNet, States

FRAMES = 8


def pair(**options):
    """MMagic's network and ours with its weights."""
    theirs = IconVSRNet(num_blocks=1, **options)
    for name, parameter in theirs.named_parameters():
        if 'conv_offset' in name:  # they begin without offsets; with them they read elsewhere
            torch.nn.init.normal_(parameter, std=0.03)
    ours = StatefulIconVSRNet(num_blocks=1, **options)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    return theirs.eval(), ours.eval()


@pytest.fixture
def net():
    return pair(keyframe_stride=3)[1]


@pytest.fixture
def windows_read():
    """Calls a network with frames of these numbers; gives the numbers that EDVR reads each time."""

    def read(net, numbers, states=None):
        windows = []

        def edvr(window):
            windows.extend(window.mean((2, 3, 4)).round().int().tolist())
            return torch.zeros(len(window), 64, *window.shape[-2:])

        del net.edvr
        net.edvr = edvr
        with torch.no_grad():
            net(as_frames(numbers), *([] if states is None else [states]))
        return windows

    return read


class _Nothing(torch.nn.Module):
    """In EDVR's place, which takes long."""

    def forward(self, window):
        return torch.zeros(len(window), 64, *window.shape[-2:])


def as_frames(numbers):
    return torch.tensor(numbers).float().view(1, -1, 1, 1, 1).expand(-1, -1, 3, 4, 4)


def test_parameters():
    """8.7 M in the paper."""
    assert sum(p.numel() for p in StatefulIconVSRNet().parameters()) == 8_694_991


@pytest.mark.parametrize('part', ['spynet', 'edvr'])
def test_pretrained_parts(tmp_path, part):
    """As MMagic's files have them: SPyNet without the buffers of its normalisation."""
    key, path = f'{part}_pretrained', tmp_path / 'weights.pth'
    weights = getattr(StatefulIconVSRNet(num_blocks=1), part).state_dict()
    weights = {name: x for name, x in weights.items() if name not in ('mean', 'std')}
    torch.save(dict(state_dict=weights, meta={}), path)
    loaded = getattr(StatefulIconVSRNet(num_blocks=1, **{key: str(path)}), part).state_dict()
    assert all(torch.equal(loaded[name], x) for name, x in weights.items())
    with pytest.raises(UserError, match=f'^{key}=nowhere.pth: no such file$'):
        StatefulIconVSRNet(num_blocks=1, **{key: 'nowhere.pth'})
    torch.save(dict(state_dict=dict(weight=torch.ones(3)), meta={}), path)
    with pytest.raises(UserError, match=f'^{key}={path}: cannot be loaded: The model and loaded'):
        StatefulIconVSRNet(num_blocks=1, **{key: str(path)})


@pytest.mark.slow
@torch.no_grad()
@pytest.mark.parametrize(
    'padding, frames, size', [(2, 5, (17, 31)), (2, 7, (16, 20)), (3, 7, (12, 16))]
)
def test_equals_mmagic_bit_for_bit(real_clip, padding, frames, size):
    theirs, ours = pair(keyframe_stride=3, padding=padding)
    video = real_clip(frames, *size)
    assert torch.equal(ours(video), theirs(video))


@pytest.mark.slow
@torch.no_grad()
def test_equals_mmagic_where_it_detects_mirrored_clips(real_clip):
    theirs, ours = pair(keyframe_stride=3)
    half = real_clip(3, 16, 20, batch=1)
    video = torch.cat([half, half.flip(1)], 1)
    expected = theirs(video)
    assert theirs.is_mirror_extended
    assert torch.equal(ours(video), expected)


@pytest.mark.slow
@torch.no_grad()
@pytest.mark.parametrize('size', [(34, 50), (17, 31)], ids=str)
def test_one_frame_of_any_size(real_clip, size):
    srs = StatefulIconVSRNet(num_blocks=1).eval()(real_clip(1, *size, batch=1))
    assert srs.shape == (1, 1, 3, 4 * size[0], 4 * size[1])
    assert srs.isfinite().all()


@pytest.mark.slow
@pytest.mark.parametrize('padding', [2, 3])
def test_windows_of_whole_videos(windows_read, padding):
    """MMagic's, and for videos shorter than a window the last (first) frame where it has none."""
    options = dict(keyframe_stride=1, padding=padding)
    nets = [pair(**options)[1] for _ in range(3)]
    whole = windows_read(nets[0], range(8))
    assert whole == windows_read(pair(**options)[0], range(8))
    assert windows_read(nets[1], range(1)) == [[0] * (2 * padding + 1)]
    short = {
        2: [[2, 2, 0, 1, 2], [2, 0, 1, 2, 0], [0, 1, 2, 0, 0]],
        3: [[2, 2, 2, 0, 1, 2, 0], [2, 2, 0, 1, 2, 0, 0], [2, 0, 1, 2, 0, 0, 0]],
    }
    assert windows_read(nets[2], range(3)) == short[padding]


@pytest.mark.slow
@pytest.mark.parametrize('padding', [2, 3])
@pytest.mark.parametrize('length', [1, 2, 5])
@pytest.mark.parametrize('frames', [2, 5, 11])
def test_keyframes_and_windows_of_clips_are_those_of_the_video(
    windows_read, padding, length, frames
):
    """Frames are numbered from 1, so that those that do not exist would be seen."""
    options = dict(num_blocks=1, keyframe_stride=3, padding=padding)
    numbers = list(range(1, frames + 1))
    of_video = {w[padding]: w for w in windows_read(StatefulIconVSRNet(**options), numbers)}
    assert set(of_video) == {*numbers[::3], frames}
    net = StatefulIconVSRNet(**options)
    edvr, net.edvr = net.edvr, _Nothing()  # states tell which frames it will read
    starts = torch.arange(frames - min(length, frames) + 1)[None]
    ends = (starts + length).clamp(max=frames)
    states = net.states_at(as_frames(numbers), starts, ends)
    net.edvr = edvr
    for i, start in enumerate(starts[0].tolist()):
        clip = numbers[start : start + length]
        read = windows_read(net, clip, states.map(lambda x, i=i: x[:, i]))
        assert read == [of_video[number] for number in clip if number in of_video]
        net.edvr = None


@pytest.mark.slow
@torch.no_grad()
@pytest.mark.parametrize('padding, length', [(2, 1), (2, 2), (2, 3), (3, 2)])
def test_clips_of_any_length_equal_mmagics_whole_video(real_clip, padding, length):
    """At all starts, whether a multiple of the stride or not."""
    theirs, ours = pair(keyframe_stride=3, padding=padding)
    video = real_clip(FRAMES, 12, 17, batch=1)
    expected = theirs(video)
    starts = torch.arange(FRAMES - length + 1)[None]
    states = ours.states_at(video, starts, starts + length)
    for start in range(FRAMES - length + 1):
        clip = slice(start, start + length)
        srs = ours(video[:, clip], states.map(lambda x, s=start: x[:, s]))
        assert (srs - expected[:, clip]).abs().max() <= 1e-5


@pytest.mark.slow
@torch.no_grad()
@pytest.mark.parametrize('frames', [1, 2, 3])
def test_clips_of_short_videos_equal_the_whole(net, real_clip, frames):
    video = real_clip(frames, 12, 17, batch=1)
    expected = net(video)
    starts = torch.arange(frames)[None]
    states = net.states_at(video, starts, starts + 1)
    for start in range(frames):
        srs = net(video[:, start : start + 1], states.map(lambda x, s=start: x[:, s]))
        assert (srs - expected[:, start : start + 1]).abs().max() <= 1e-5


@pytest.mark.slow
@torch.no_grad()
def test_states_hold_frames_and_phase(net, real_clip):
    video = real_clip(FRAMES, 12, 17, batch=1)
    boundaries = torch.tensor([[0, 1, 5, FRAMES]])
    forward, backward = net.states_at(video, boundaries, boundaries)
    assert forward['known'].tolist() == [[[0] * 4, [0, 0, 0, 1], [1] * 4, [1] * 4]]
    assert backward['known'].tolist() == [[[1] * 4, [1] * 4, [1, 1, 1, 0], [0] * 4]]
    assert forward['phase'].tolist() == [[[0], [1], [2], [2]]]
    assert torch.equal(forward['lrs'][0, 2], video[0, 1:5])
    assert torch.equal(backward['lrs'][0, 1], video[0, 1:5])
    assert forward['feat'].abs().amax((2, 3, 4)).bool().tolist() == [[False, True, True, True]]
    assert backward['feat'].abs().amax((2, 3, 4)).bool().tolist() == [[True, True, True, False]]


@pytest.mark.slow
@torch.no_grad()
@pytest.mark.parametrize(
    'backward, entry', [(b, e) for b in (0, 1) for e in ('feat', 'lrs', 'known')] + [(0, 'phase')]
)
def test_every_entry_of_a_state_matters(net, real_clip, backward, entry):
    video = real_clip(9, 12, 16, batch=1)
    states = net.states_at(video, torch.tensor([[5]]), torch.tensor([[7]])).map(lambda x: x[:, 0])
    expected = net(video[:, 5:7], states)
    states[backward][entry].zero_()
    assert (net(video[:, 5:7], states) - expected).abs().max() > 1e-5


@pytest.mark.slow
@torch.no_grad()
def test_clips_of_different_phases_share_a_batch(net, real_clip):
    """Each sample of a batch has the frames it has alone."""
    video = real_clip(FRAMES, 12, 16)
    starts = torch.tensor([[0], [2]])
    states = net.states_at(video, starts, torch.tensor([[5], [7]])).map(lambda x: x[:, 0])
    clips = torch.stack([video[0, :5], video[1, 2:7]])
    srs = net(clips, states)
    for i in range(2):
        alone = net(clips[i : i + 1], states.map(lambda x, i=i: x[i : i + 1]))
        assert (srs[i] - alone[0]).abs().max() <= 1e-6
    assert (srs[0] - net(clips[:1], States(None, None))[0]).abs().max() > 1e-5


@pytest.mark.slow
def test_clips_train(net, real_clip):
    """Gradients reach everything, from states as from none."""
    video = real_clip(6, 12, 16, batch=1)
    states = net.states_at(video, torch.tensor([[2]]), torch.tensor([[4]])).map(lambda x: x[:, 0])
    for given in (None, net.initial_states(video), states):
        net.train().zero_grad()
        net(video[:, 2:4], given).square().mean().backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())
