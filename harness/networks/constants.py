"""Small constant tensors, made once for each device: each copy there would be waited for."""

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
    with torch.inference_mode(False):  # inference tensors could take no part in training later
        return torch.tensor(values, device=device, dtype=dtype)
