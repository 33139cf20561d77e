"""WindowTOFlowNet beside MMagic's TOFlowVSRNet."""

import pytest
import torch
from mmagic.models.data_preprocessors import DataPreprocessor
from mmagic.models.editors.tof.tof_vsr_net import TOFlowVSRNet

from harness.networks.upsample import bicubic
from harness.networks.zoo import WindowTOFlowNet

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of MMagic's config


def pair(**kwargs):
    """MMagic's network and ours with its weights and statistics."""
    theirs = TOFlowVSRNet(**kwargs).eval()
    for module in theirs.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(std=0.1)
    ours = WindowTOFlowNet(**kwargs).eval()
    ours.load_state_dict(theirs.state_dict(), strict=True)
    return theirs, ours


def test_parameters():
    """Four flow networks with batch norm (paper: 1.4 M) and four convolutions."""
    widths = [8, 32, 64, 32, 16]
    flow = sum(a * b * 49 + 2 * b for a, b in zip(widths, widths[1:], strict=False))
    flow += 16 * 2 * 49 + 2
    convs = (21 * 64 + 64 * 64) * 81 + 64 * 64 + 64 * 3 + 3 * 64 + 3
    total = sum(p.numel() for p in WindowTOFlowNet().parameters())
    assert total == 4 * flow + convs == 1_405_899


@pytest.mark.slow
@torch.no_grad()
@pytest.mark.parametrize('official', [True, False])
def test_equals_mmagic_with_its_preprocessing(real_clip, official):
    theirs, ours = pair(adapt_official_weights=official)
    video = real_clip(7, 8, 12, batch=1)
    srs = ours(video)
    preprocessor = DataPreprocessor(mean=[255 * x for x in MEAN], std=[255 * x for x in STD])
    frames = [(255 * bicubic(video[:, t], 'bi')) for t in range(7)]
    inputs = torch.stack([(f - preprocessor.mean) / preprocessor.std for f in frames], 1)
    expected = theirs(inputs) * preprocessor.std + preprocessor.mean
    assert (srs[:, 3] - expected / 255).abs().max() <= 1e-5
    # the nearest frames stand for those before the video
    first = inputs[:, [0, 0, 0, 0, 1, 2, 3]]
    expected = theirs(first) * preprocessor.std + preprocessor.mean
    assert (srs[:, 0] - expected / 255).abs().max() <= 1e-5


@pytest.mark.slow
@torch.no_grad()
@pytest.mark.parametrize('size', [(17, 31), (10, 50)], ids=str)
def test_sizes_that_16_does_not_divide(real_clip, size):
    """One frame, seven times, with reflected borders that are cropped again."""
    theirs, ours = pair()
    video = real_clip(1, *size, batch=1)
    mean, std = (x.view(3, 1, 1) for x in torch.tensor([MEAN, STD]))
    height, width = 4 * size[0], 4 * size[1]
    rows, columns = (
        torch.tensor([*range(n), *range(n - 2, n - 2 + n - -(-n // 16) * 16, -1)])
        for n in (height, width)
    )
    hr = (bicubic(video[0], 'bi') - mean) / std
    inputs = hr[:, :, rows][..., columns].expand(1, 7, -1, -1, -1)
    expected = theirs(inputs)[..., :height, :width] * std + mean
    assert (ours(video)[0] - expected).abs().max() <= 1e-5


def test_states_are_three_frames_each():
    forward, backward = WindowTOFlowNet().state_shapes(5, 6)
    assert forward == backward == {'lrs': (3, 3, 5, 6), 'known': (3,)}
