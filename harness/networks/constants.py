"""Small constant tensors, made once per device: copying one to a GPU would wait for it."""

from functools import lru_cache

import torch
from torch import Tensor


def constant(values: tuple, like: Tensor) -> Tensor:
    """``values``, which may be nested tuples, with the device and dtype of ``like``.

    It is shared: do not change it in place.
    """
    return _constant(values, like.device, like.dtype)


@lru_cache(maxsize=256)
def _constant(values: tuple, device: torch.device, dtype: torch.dtype) -> Tensor:
    with torch.inference_mode(False):  # training could not use inference tensors later
        return torch.tensor(values, device=device, dtype=dtype)
