"""BasicVSR++ and IconVSR beside MMagic's own."""

import pytest
import torch
from mmagic.models.editors.basicvsr_plusplus_net import BasicVSRPlusPlusNet
from mmagic.models.editors.iconvsr import IconVSRNet

from harness.errors import UserError
from harness.networks.zoo import WholeBasicVSRPlusPlusNet, WholeIconVSRNet


def stir(net):
    """Deformable convolutions begin without offsets; with them they read elsewhere."""
    for name, parameter in net.named_parameters():
        if 'conv_offset' in name:
            torch.nn.init.normal_(parameter, std=0.03)
    return net.eval()


def pair(theirs, ours):
    stir(theirs)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    return theirs, ours.eval()


@pytest.fixture
def plus_plus():
    return pair(
        BasicVSRPlusPlusNet(mid_channels=8, num_blocks=1),
        WholeBasicVSRPlusPlusNet(mid_channels=8, num_blocks=1),
    )


def test_parameters():
    """BasicVSR++ 7.3 M, IconVSR 8.7 M in their papers."""
    assert sum(p.numel() for p in WholeBasicVSRPlusPlusNet().parameters()) == 7_322_927
    assert sum(p.numel() for p in WholeIconVSRNet().parameters()) == 8_694_991


@pytest.mark.parametrize(
    'make, part',
    [
        (WholeBasicVSRPlusPlusNet, 'spynet'),
        (WholeIconVSRNet, 'spynet'),
        (WholeIconVSRNet, 'edvr'),
    ],
)
def test_pretrained_parts(tmp_path, make, part):
    """As MMagic's files have them: SPyNet without the buffers of its normalisation."""
    key, path = f'{part}_pretrained', tmp_path / 'weights.pth'
    options = dict(num_blocks=1)
    weights = getattr(make(**options), part).state_dict()
    weights = {name: x for name, x in weights.items() if name not in ('mean', 'std')}
    torch.save(dict(state_dict=weights, meta={}), path)
    loaded = getattr(make(**options, **{key: str(path)}), part).state_dict()
    assert all(torch.equal(loaded[name], x) for name, x in weights.items())
    with pytest.raises(UserError, match=f'^{key}=nowhere.pth: no such file$'):
        make(**options, **{key: 'nowhere.pth'})
    torch.save(dict(state_dict=dict(weight=torch.ones(3)), meta={}), path)
    with pytest.raises(UserError, match=f'^{key}={path}: cannot be loaded: The model and loaded'):
        make(**options, **{key: str(path)})


@torch.no_grad()
def test_plus_plus_equals_mmagic_bit_for_bit(plus_plus, real_clip):
    theirs, ours = plus_plus
    video = real_clip(3, 64, 66, batch=1)
    expected = theirs(video)
    assert torch.equal(ours(video), expected)
    still = video[:, :1].expand(-1, 2, -1, -1, -1).contiguous()
    expected = theirs(still)
    assert theirs.is_mirror_extended
    assert torch.equal(ours(still), expected)


@torch.no_grad()
@pytest.mark.parametrize('size', [(34, 50), (17, 31)], ids=str)
@pytest.mark.parametrize('frames', [1, 2])
def test_plus_plus_pads_small_frames(plus_plus, real_clip, frames, size):
    theirs, ours = plus_plus
    video = real_clip(frames, *size, batch=1)
    rows, columns = (torch.arange(64).clamp(max=length - 1) for length in size)
    expected = theirs(video[..., rows, :][..., columns])
    assert torch.equal(ours(video), expected[..., : 4 * size[0], : 4 * size[1]])


@torch.no_grad()
@pytest.mark.parametrize('padding, frames, size', [(2, 5, (17, 31)), (3, 7, (12, 16))])
def test_icon_equals_mmagic_bit_for_bit(real_clip, padding, frames, size):
    options = dict(num_blocks=1, keyframe_stride=3, padding=padding)
    theirs, ours = pair(IconVSRNet(**options), WholeIconVSRNet(**options))
    video = real_clip(frames, *size, batch=1)
    assert torch.equal(ours(video), theirs(video))


def windows_read(net, frames):
    """The numbers of the frames that EDVR's extractor gets for each frame of a video."""
    del net.edvr
    net.edvr = lambda window: window.mean((0, 2, 3, 4)).tolist()
    video = torch.arange(float(frames)).view(1, -1, 1, 1, 1).expand(-1, -1, 3, 4, 4)
    return list(net.compute_refill_features(video, range(frames)).values())


@pytest.mark.parametrize('padding', [2, 3])
def test_icon_windows(padding):
    """MMagic's, and for videos shorter than a window the last (first) frame where it has none."""
    theirs = IconVSRNet(num_blocks=1, padding=padding)
    nets = [WholeIconVSRNet(num_blocks=1, padding=padding) for _ in range(3)]
    assert windows_read(nets[0], 8) == windows_read(theirs, 8)
    assert windows_read(nets[1], 1) == [[0] * (2 * padding + 1)]
    short = {
        2: [[2, 2, 0, 1, 2], [2, 0, 1, 2, 0], [0, 1, 2, 0, 0]],
        3: [[2, 2, 2, 0, 1, 2, 0], [2, 2, 0, 1, 2, 0, 0], [2, 0, 1, 2, 0, 0, 0]],
    }
    assert windows_read(nets[2], 3) == short[padding]


@torch.no_grad()
@pytest.mark.parametrize('size', [(34, 50), (17, 31)], ids=str)
def test_icon_takes_one_frame_of_any_size(real_clip, size):
    srs = WholeIconVSRNet(num_blocks=1).eval()(real_clip(1, *size, batch=1))
    assert srs.shape == (1, 1, 3, 4 * size[0], 4 * size[1])
    assert srs.isfinite().all()


def test_clips_train(plus_plus, real_clip):
    """Gradients reach everything, the offsets too."""
    _, ours = plus_plus
    ours.train()(real_clip(2, 16, 16, batch=1)).square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in ours.parameters())
    assert ours.deform_align['forward_1'].conv_offset[-1].weight.grad.abs().max() > 0
