"""A CUDA device that is only pretended: PyTorch's fake tensors know devices, shapes and dtypes.

They refuse operations between devices and every read of a value by the CPU (``.item()``,
``nonzero``, ``if tensor:``), each of which would make the CPU wait for a real device. Copies
between devices are legal there, so they are counted.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import torch
from torch import nn
from torch._subclasses import fake_tensor
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from harness.networks import constants, warp

CUDA = torch.device('cuda', 0)


class Copies(TorchDispatchMode):
    """Counts the copies between devices, by (from, to), whether the CPU waits for them or not."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: dict[tuple[str, str], int] = {}

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        result = function(*args, **kwargs)
        if function in (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default):
            source = args[1] if function is torch.ops.aten.copy_.default else args[0]
            pair = source.device.type, result.device.type
            if pair[0] != pair[1]:
                self.counts[pair] = self.counts.get(pair, 0) + 1
        return result


class Shims(TorchFunctionMode):
    """What devices without numbers lack: a dtype by its name, and the list of a fake constant.

    ``x.type('torch.cuda.FloatTensor')``, as MMagic has it, would ask for the real device.
    """

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function is torch.Tensor.tolist and getattr(args[0], 'constant', None) is not None:
            return args[0].constant.tolist()
        if function is torch.Tensor.type and len(args) == 2 and isinstance(args[1], str):
            name = args[1].rpartition('.')[2].removesuffix('Tensor').lower()
            return args[0].to(dict(float=torch.float32, bfloat16=torch.bfloat16)[name])
        return function(*args, **(kwargs or {}))


@contextmanager
def fake_cuda(dtype: torch.dtype = torch.float32) -> Iterator[Copies]:
    """Everything made inside is fake; CUDA operations run under autocast to ``dtype``.

    ``torch.autocast`` itself does nothing where there is no CUDA.
    """
    before = torch.is_autocast_enabled('cuda'), torch.get_autocast_dtype('cuda')
    torch.set_autocast_enabled('cuda', dtype != torch.float32)
    torch.set_autocast_dtype('cuda', dtype if dtype != torch.float32 else before[1])
    _forget_tensors()
    try:
        with (
            # small tensors of the CPU whose values come from Python keep them
            patch.object(fake_tensor, 'CONSTANT_NUMEL_LIMIT', 64),
            torch.backends.cudnn.flags(enabled=False),  # its sampler has no fake
            FakeTensorMode(),
            Shims(),
            Copies() as copies,
        ):
            yield copies
    finally:
        _forget_tensors()
        torch.set_autocast_enabled('cuda', before[0])
        torch.set_autocast_dtype('cuda', before[1])
        torch.clear_autocast_cache()


def _forget_tensors() -> None:
    """What is kept for a device belongs to one fake device only."""
    warp._base_grid.cache_clear()
    constants._constant.cache_clear()


def onto_cuda(module: nn.Module) -> nn.Module:
    """Moves a module that was built inside; ``module.to`` cannot exchange fake parameters."""
    for part in module.modules():
        for name, x in part._parameters.items():
            if x is not None:
                part._parameters[name] = nn.Parameter(x.detach().to(CUDA), x.requires_grad)
        for name, x in part._buffers.items():
            if x is not None:
                part._buffers[name] = x.to(CUDA)
    return module


def assert_on_cuda(*results) -> None:
    """All tensors of nested results are there."""
    tensors = [x for x in tree_leaves(results) if isinstance(x, torch.Tensor)]
    assert tensors and all(isinstance(x, FakeTensor) and x.device == CUDA for x in tensors)
