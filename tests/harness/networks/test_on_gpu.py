"""Every network on a GPU gives the frames that it gives on the CPU."""

import pytest
import torch
from mmagic.registry import MODELS

from tests.harness.networks.test_transparency import NETWORKS

pytestmark = pytest.mark.gpu
#: largest difference of frames in [0, 1]; networks of random weights
BOUNDS = {torch.float32: 1e-3, torch.float16: 2e-2, torch.bfloat16: 1e-1}


@pytest.mark.parametrize('dtype', BOUNDS, ids=str)
@pytest.mark.parametrize('name', [name for name in NETWORKS if name != 'wide_window'])
def test_frames(name, dtype, real_clip, settle):
    net, video = settle(MODELS.build(NETWORKS[name])), real_clip(5, 18, 26)
    with torch.no_grad():
        expected = net(video)
        with torch.autocast('cuda', dtype, enabled=dtype != torch.float32):
            frames = net.cuda()(video.cuda())
    assert frames.is_cuda
    assert (frames.float().cpu() - expected).abs().max() <= BOUNDS[dtype]
