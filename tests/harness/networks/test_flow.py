"""Flow modules and warping."""

import copy
import pickle

import numpy as np
import pytest
import torch
from mmagic.models.utils import flow_warp

from harness.networks.model import flow_loss
from harness.networks.warp import warp
from harness.networks.zoo import ConvFlowNet, DISFlow, FRVSRFlowNet


@pytest.fixture
def shifted_pair(photographs):
    """A real frame, and one in which each of its pixels lies 2 to the right and 1 below."""
    photo = torch.from_numpy(photographs[0]).permute(2, 0, 1)[None] / 255
    return photo[..., 100:164, 200:280], photo[..., 99:163, 198:278]


def test_warp_equals_mmagic(real_clip):
    image = real_clip(1, 34, 50)[:, 0]
    flow = 6 * torch.randn(2, 2, 34, 50)  # far enough to leave the frame
    expected = flow_warp(image, flow.permute(0, 2, 3, 1), padding_mode='border')
    assert (warp(image, flow) - expected).abs().max() <= 1e-5


def test_warp_direction(shifted_pair):
    reference, supporting = shifted_pair
    flow = torch.tensor([2.0, 1.0]).view(1, 2, 1, 1).expand(-1, -1, 64, 80)
    assert torch.allclose(
        warp(supporting, flow)[..., :-1, :-2], reference[..., :-1, :-2], atol=1e-4
    )


def test_warp_can_train_after_inference_mode():
    """The cached grid may be made while evaluating and must serve training afterwards."""
    image, flow = torch.rand(1, 3, 11, 13), torch.zeros(1, 2, 11, 13)
    with torch.inference_mode():
        warp(image, flow)
    flow.requires_grad_()
    warp(image, flow).square().sum().backward()
    assert flow.grad.abs().sum() > 0


def test_dis_recovers_a_shift(shifted_pair):
    flow = DISFlow()(*shifted_pair)
    assert flow.shape == (1, 2, 64, 80)
    interior = flow[0, :, 8:-8, 8:-8]
    error = (interior - torch.tensor([2.0, 1.0]).view(2, 1, 1)).norm(dim=0)
    assert error.median() < 0.2
    assert (error < 0.5).float().mean() > 0.9


def test_dis_of_a_batch_is_that_of_each_pair(real_clip):
    video = real_clip(3, 24, 40)
    reference, supporting = video[:, 1:].flatten(0, 1), video[:, :-1].flatten(0, 1)
    dis = DISFlow()
    single = [dis(reference[i : i + 1], supporting[i : i + 1]) for i in range(4)]
    assert torch.equal(dis(reference, supporting), torch.cat(single))


@pytest.mark.parametrize('size', [(8, 12), (16, 16), (9, 40)], ids=str)
def test_dis_of_small_frames(real_clip, size):
    video = real_clip(2, *size)
    flow = DISFlow()(video[:, 1], video[:, 0])
    assert flow.shape == (2, 2, *size)
    assert flow.isfinite().all()
    static = DISFlow()(video[:, 0], video[:, 0])
    assert static.abs().max() < 0.1


@pytest.mark.parametrize('duplicate', [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_dis_can_be_copied_after_use(shifted_pair, duplicate):
    dis = DISFlow()
    expected = dis(*shifted_pair)
    assert torch.equal(duplicate(dis)(*shifted_pair), expected)


def test_dis_does_not_depend_on_the_number_of_threads(shifted_pair):
    """Training sets OpenCV's threads to 0 and evaluation need not."""
    import cv2

    threads = cv2.getNumThreads()
    flows = []
    try:
        for number in (0, 1, 4):
            cv2.setNumThreads(number)
            flows.append(DISFlow()(*shifted_pair))
    finally:
        cv2.setNumThreads(threads)
    assert all(torch.equal(flow, flows[0]) for flow in flows)


@pytest.mark.parametrize('size', [(34, 50), (16, 24), (5, 7), (3, 4)], ids=str)
def test_frvsr_flow_keeps_size_and_bound(size):
    net = FRVSRFlowNet(max_flow=3.0)
    with torch.no_grad():
        net.tail[-1].bias.fill_(100)
    flow = net(torch.rand(2, 3, *size), torch.rand(2, 3, *size))
    assert flow.shape == (2, 2, *size)
    assert torch.allclose(flow, torch.full_like(flow, 3.0))


def test_frvsr_flow_pads_by_reflection(real_clip):
    """A size that 8 does not divide gives what the padded frame gives, cropped."""
    net = FRVSRFlowNet().eval()
    video = real_clip(2, 34, 50)
    padded = np.pad(video.numpy(), ((0, 0),) * 3 + ((0, 6), (0, 6)), mode='reflect')
    padded = torch.from_numpy(padded)
    with torch.no_grad():
        expected = net(padded[:, 1], padded[:, 0])[..., :34, :50]
        assert torch.allclose(net(video[:, 1], video[:, 0]), expected, atol=1e-5)


def test_conv_flow_bound():
    net = ConvFlowNet(channels=4, num_convs=3, max_flow=2.0)
    assert sum(isinstance(m, torch.nn.Conv2d) for m in net.modules()) == 3
    flow = net(100 * torch.randn(1, 3, 9, 11), 100 * torch.randn(1, 3, 9, 11))
    assert flow.shape == (1, 2, 9, 11)
    assert flow.abs().max() <= 2


def test_flow_loss_of_a_static_clip_is_zero(real_clip):
    clip = real_clip(1, 16, 20).expand(-1, 4, -1, -1, -1)
    assert flow_loss(clip, torch.zeros(2, 3, 2, 16, 20)) <= 1e-10


def test_flow_loss_by_hand():
    """A ramp 0, .1, .2, .3 seen one pixel to the right is .1, .2, .3, .3; the next frame is 0."""
    ramp = torch.tensor([0.0, 0.1, 0.2, 0.3]).expand(1, 1, 3, 2, 4)
    clip = torch.cat([ramp, torch.zeros_like(ramp)], 1)
    flow = torch.tensor([1.0, 0.0]).view(1, 1, 2, 1, 1).expand(-1, -1, -1, 2, 4)
    assert float(flow_loss(clip, flow)) == pytest.approx((0.01 + 0.04 + 0.09 + 0.09) / 4, rel=1e-5)


def test_flow_loss_of_one_frame_is_zero():
    """There is no pair to compare; a mean over nothing would stop a training with l = 1."""
    assert float(flow_loss(torch.rand(2, 1, 3, 8, 8), torch.zeros(2, 0, 2, 8, 8))) == 0
