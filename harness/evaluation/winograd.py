"""Winograd's algorithm for 3x3 convolutions of wide networks, in inference on one CPU thread.

oneDNN, which PyTorch takes otherwise, multiplies directly. NNPACK, in PyTorch too, has Winograd's
algorithm (Lavin and Gray, CVPR 2016), with 5 times fewer multiplications: published BasicVSR takes
0.6 of the time. Frames differ from those of direct convolutions by less than 1e-5, until a network
that collapses amplifies this. With more threads NNPACK does not win.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

#: input channels and pixels from which on it was faster
LEAST_CHANNELS, LEAST_PIXELS = 64, 24 * 24
_PLAIN = ((1, 1), (1, 1), (1, 1), 1)


def fast_convolutions(device: torch.device, dtype: torch.dtype) -> AbstractContextManager:
    """A context in which Winograd's algorithm computes the convolutions for which it is faster.

    Args:
        device: The device of the network.
        dtype: The precision of its convolutions.
    """
    is_faster = (
        device.type == 'cpu'
        and dtype == torch.float32
        and torch.get_num_threads() == 1
        and torch.backends.nnpack.is_available()
    )
    return _Winograd() if is_faster else nullcontext()


class _Winograd(TorchFunctionMode):
    def __torch_function__(
        self, func: Callable, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return (_conv2d if func is torch.conv2d else func)(*args, **(kwargs or {}))


def _conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """``torch.conv2d``, of which NNPACK computes one image at a time, 3x3, with padding."""
    is_fast = (
        (stride, padding, dilation, groups) == _PLAIN
        and weight.shape[1:].numel() >= 9 * LEAST_CHANNELS
        and weight.shape[2:] == (3, 3)
        and len(input) == 1
        and input.shape[2:].numel() >= LEAST_PIXELS
        and input.dtype == torch.float32
    )
    if is_fast:
        return torch._nnpack_spatial_convolution(input, weight, bias, padding)
    return torch.conv2d(input, weight, bias, stride, padding, dilation, groups)
