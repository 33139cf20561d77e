"""RealBasicVSR beside MMagic's, and what each frame's own number of cleanings does."""

import pytest
import torch
from mmagic.models.editors.real_basicvsr.real_basicvsr_net import RealBasicVSRNet

from harness.evaluation.inference import super_resolve
from harness.networks.model import RecurrentVSR
from harness.networks.zoo import StatefulRealBasicVSRNet

SMALL = dict(mid_channels=8, num_propagation_blocks=1, num_cleaning_blocks=1)


def build(threshold):
    """Cleaning with these weights changes frames by about 0.1."""
    torch.manual_seed(0)
    net = StatefulRealBasicVSRNet(**SMALL, dynamic_refine_thres=threshold).eval()
    net.image_cleaning[1].bias.data.zero_()
    return net


def test_mmagic_weights_fit():
    theirs = RealBasicVSRNet()
    ours = StatefulRealBasicVSRNet()
    ours.load_state_dict(theirs.state_dict(), strict=True)
    assert sum(p.numel() for p in ours.parameters()) == 6_294_834
    fixed = [name for name, p in ours.named_parameters() if not p.requires_grad]
    assert fixed == [name for name, p in theirs.named_parameters() if not p.requires_grad]
    assert fixed and all(name.startswith('basicvsr.spynet.') for name in fixed)


@pytest.mark.slow
@torch.no_grad()
@pytest.mark.parametrize('threshold', [255, 0], ids=['once', 'three times'])
def test_equals_mmagic_where_all_frames_are_cleaned_alike(real_clip, threshold):
    theirs = RealBasicVSRNet(**SMALL, dynamic_refine_thres=threshold).eval()
    ours = build(threshold)
    ours.load_state_dict(theirs.state_dict())
    video = real_clip(3, 64, 64)
    assert (ours(video) - theirs(video)).abs().max() <= 1e-6


@pytest.fixture
def mixed(real_clip):
    """A network, a video and the expected cleaned frames, of which some are cleaned again."""
    net, video = build(0), real_clip(6, 16, 20, batch=1)
    video = video * torch.linspace(0.1, 1, 6).view(6, 1, 1, 1)
    rounds = [video]
    with torch.no_grad():
        for _ in range(3):
            rounds.append(rounds[-1] + net.image_cleaning(rounds[-1][0])[None])
    changes = [(b - a).abs().mean((2, 3, 4))[0] for a, b in zip(rounds, rounds[1:], strict=False)]
    # between two frames' changes, so that rounding does not decide
    threshold = 255 * float(changes[0].sort().values[2:4].mean())
    net.dynamic_refine_thres = threshold / 255
    counts, expected = [], []
    for t in range(6):
        count = 1
        while count < 3 and changes[count - 1][t] >= threshold / 255:
            count += 1
        counts.append(count)
        expected.append(rounds[count][:, t])
    assert len(set(counts)) > 1
    return net, video, torch.stack(expected, 1)


@torch.no_grad()
def test_each_frame_decides_for_itself(mixed):
    net, video, expected = mixed
    for frames in (net.clean(video[0]), torch.cat([net.clean(x[None]) for x in video[0]])):
        assert torch.allclose(frames, expected[0], atol=1e-6)
    assert torch.allclose(net(video), net.basicvsr(expected), atol=1e-5)


@pytest.mark.slow
@torch.no_grad()
def test_clips_of_any_cut_agree_with_the_video(mixed):
    net, video, _ = mixed
    whole = net(video)
    for start, stop in ((0, 2), (1, 5), (3, 6)):
        states = net.states_at(video, torch.tensor([[start]]), torch.tensor([[stop]]))
        clip = net(video[:, start:stop], states.map(lambda x: x[:, 0]), start)
        assert (clip - whole[:, start:stop]).abs().max() <= 1e-5


@pytest.mark.slow
@pytest.mark.parametrize('states', ['disk', 'segments', 'memory'])
def test_sweeps_equal_the_whole_video(real_clip, states):
    net = build(5)
    lrs = (255 * real_clip(9, 16, 20, batch=1)).round()
    with torch.no_grad():
        whole = net(lrs / 255)[0].clamp(0, 1).mul(255)
    frames = list(lrs[0].byte().permute(0, 2, 3, 1).numpy())
    for sr, expected in zip(super_resolve(net, frames, 'cpu', states=states), whole, strict=True):
        assert (torch.from_numpy(sr.rgb).permute(2, 0, 1) - expected).abs().max() <= 0.51


def test_cleaning_loss(real_clip):
    """Between the cleaned frames and the ground truth by blocks of 4x4 pixels."""
    mean = dict(type='L1Loss', loss_weight=1.0, reduction='mean')
    model = RecurrentVSR(
        dict(type='StatefulRealBasicVSRNet', **SMALL), mean, output_losses=dict(cleaned=mean)
    )
    video, gts = real_clip(3, 16, 20), torch.rand(2, 3, 3, 64, 80)
    losses = model(video, gts, mode='loss')
    cleaned = video + model.generator.image_cleaning(video.flatten(0, 1)).view_as(video)
    blocks = gts.unflatten(3, (-1, 4)).unflatten(5, (-1, 4)).mean((4, 6))
    assert torch.allclose(losses['loss_cleaned'], (cleaned - blocks).abs().mean(), atol=1e-6)
    sum(losses.values()).backward()
    assert all(p.grad is not None for p in model.generator.image_cleaning.parameters())
    assert all(p.grad is None for p in model.generator.basicvsr.spynet.parameters())
