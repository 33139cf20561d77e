"""Winograd convolutions of inference beside direct ones."""

import pytest
import torch
from torch import nn

from harness.evaluation import winograd
from harness.evaluation.winograd import fast_convolutions

CPU = torch.device('cpu')


@pytest.fixture
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def calls(monkeypatch):
    """Shapes of the images that NNPACK has convolved."""
    shapes, convolve = [], torch._nnpack_spatial_convolution

    def noting(image, *args):
        shapes.append(tuple(image.shape))
        return convolve(image, *args)

    monkeypatch.setattr(torch, '_nnpack_spatial_convolution', noting)
    return shapes


@pytest.mark.skipif(not torch.backends.nnpack.is_available(), reason='no NNPACK')
@pytest.mark.parametrize('order', [torch.contiguous_format, torch.channels_last], ids=str)
@pytest.mark.parametrize('size, out_channels, bias', [((24, 31), 64, True), ((57, 26), 3, False)])
@torch.inference_mode()
def test_equals_direct_convolution(one_thread, calls, size, out_channels, bias, order):
    conv = nn.Conv2d(64, out_channels, 3, padding=1, bias=bias)
    image = torch.randn(1, 64, *size).contiguous(memory_format=order)
    with fast_convolutions(CPU, torch.float32):
        found = conv(image)
    assert calls == [image.shape]
    wanted = conv.double()(image.double())
    assert found.dtype == torch.float32 and (found - wanted).abs().max() <= 3e-5


@torch.inference_mode()
def test_all_other_convolutions_stay_direct(one_thread, calls):
    """Bit for bit: small images, batches, few channels, other kernels, strides, no padding."""
    cases = [
        (nn.Conv2d(64, 8, 3, padding=1), (1, 64, 16, 16)),
        (nn.Conv2d(64, 8, 3, padding=1), (2, 64, 24, 24)),
        (nn.Conv2d(16, 8, 3, padding=1), (1, 16, 24, 24)),
        (nn.Conv2d(64, 8, 7, padding=3), (1, 64, 24, 24)),
        (nn.Conv2d(64, 8, 3, padding=1, stride=2), (1, 64, 24, 24)),
        (nn.Conv2d(64, 8, 3, padding=1, dilation=2), (1, 64, 24, 24)),
        (nn.Conv2d(128, 8, 3, padding=1, groups=2), (1, 128, 24, 24)),
        (nn.Conv2d(64, 8, 3), (1, 64, 26, 26)),
        (nn.Conv2d(64, 8, 3, padding='same'), (1, 64, 24, 24)),
        (nn.Conv2d(64, 8, 3, padding=1).double(), (1, 64, 24, 24)),
    ]
    for conv, shape in cases:
        image = torch.randn(shape, dtype=conv.weight.dtype)
        with fast_convolutions(CPU, torch.float32):
            found = conv(image)
        assert torch.equal(found, conv(image)), conv
    assert not calls


@pytest.mark.parametrize(
    'device, dtype, threads', [('cuda', torch.float32, 1), ('cpu', torch.bfloat16, 1),
                               ('cpu', torch.float32, 2)]
)  # fmt: skip
def test_where_direct_convolutions_are_faster(one_thread, device, dtype, threads):
    torch.set_num_threads(threads)
    context = fast_convolutions(torch.device(device), dtype)
    assert not isinstance(context, winograd._Winograd)
