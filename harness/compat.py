"""Workarounds for incompatible versions of the libraries that we use, all in one place.

Call :func:`apply` before MMagic is imported. Each workaround does nothing if it is not needed.
"""

import importlib
import importlib.util
import sys
import warnings
from types import ModuleType
from typing import Any

from harness import mmagic_on_demand


class MissingMMCVOpError(RuntimeError):
    """An operator of the full mmcv was called, but only mmcv-lite is installed."""


class _ExtPlaceholder(ModuleType):
    """A placeholder for ``mmcv._ext``, the compiled operators that mmcv-lite lacks.

    Some of MMagic's modules look operators up when they are imported, so that even pure PyTorch
    networks cannot be imported without it. Looking an operator up works; calling it raises
    :class:`MissingMMCVOpError`.
    """

    def __getattr__(self, name: str) -> Any:
        if name.startswith('__'):
            raise AttributeError(name)

        def missing_op(*args: Any, **kwargs: Any) -> None:
            raise MissingMMCVOpError(
                f'mmcv operator "{name}" needs the full mmcv with its compiled operators, but '
                'mmcv-lite or an mmcv built without them is installed'
            )

        return missing_op


def _placehold_mmcv_ext() -> None:
    if importlib.util.find_spec('mmcv._ext') is None:
        placeholder = _ExtPlaceholder('mmcv._ext')
        placeholder.__spec__ = importlib.util.spec_from_loader('mmcv._ext', loader=None)
        sys.modules['mmcv._ext'] = placeholder


def _deform_with_torchvision() -> None:
    """Gives MMagic's networks torchvision's modulated deformable convolution instead of mmcv's.

    The two read the same channels in the same order (offsets y, x by group and kernel position) and
    take zeros beyond the borders. MMagic copies the function when it is imported.
    """
    import mmcv.ops
    from mmcv.ops import modulated_deform_conv
    from torch import Tensor
    from torchvision.ops import deform_conv2d

    def modulated_deform_conv2d(
        x: Tensor,
        offset: Tensor,
        mask: Tensor,
        weight: Tensor,
        bias: Tensor | None = None,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        deform_groups: int = 1,
    ) -> Tensor:
        # as in mmcv, autocast follows the offsets, which come from an ordinary convolution
        x, mask, weight = (tensor.type_as(offset) for tensor in (x, mask, weight))
        bias = None if bias is None else bias.type_as(offset)
        return deform_conv2d(x, offset, weight, bias, stride, padding, dilation, mask)

    mmcv.ops.modulated_deform_conv2d = modulated_deform_conv2d
    modulated_deform_conv.modulated_deform_conv2d = modulated_deform_conv2d


def _make_checkpoints_loadable() -> None:
    """Lets ``torch.load`` read what MMEngine saves, under its safe ``weights_only`` default.

    MMEngine's ``HistoryBuffer`` pickles its own methods, so that its files call ``getattr``. Here
    this call returns None, because the buffer restores its methods itself; the other types that
    MMEngine saves are harmless.
    """
    import numpy as np
    import torch
    from mmengine.logging import HistoryBuffer

    restore = HistoryBuffer.__setstate__

    def state_without_methods(buffer: Any) -> dict[str, Any]:
        return {k: v for k, v in vars(buffer).items() if k != 'statistics_methods'}

    def restore_without_methods(buffer: Any, state: dict[str, Any]) -> None:
        # MMEngine would set them for all buffers
        restore(buffer, {k: v for k, v in state.items() if k != 'statistics_methods'})

    HistoryBuffer.__getstate__ = state_without_methods
    HistoryBuffer.__setstate__ = restore_without_methods
    core = '_core' if int(np.__version__.partition('.')[0]) >= 2 else 'core'
    multiarray: Any = importlib.import_module(f'numpy.{core}.multiarray')
    functions = [
        (function, f'numpy.{name}.multiarray.{function.__name__}')
        for name in ('core', '_core')  # files of NumPy 1 and of NumPy 2
        for function in (multiarray._reconstruct, multiarray.scalar)
    ]
    dtypes = {type(np.dtype(kind)) for kind in '?bBhHiIlLqQefd'}
    torch.serialization.add_safe_globals(
        [HistoryBuffer, np.ndarray, np.dtype, *functions, *dtypes]
        + [(lambda *_: None, 'builtins.getattr')]
    )


def _name_numpy_bool() -> None:
    """Restores ``np.bool8``, which MMagic's transforms use and NumPy 2 removed."""
    import numpy as np

    if not hasattr(np, 'bool8'):
        np.bool8 = np.bool_  # type: ignore[attr-defined]


def apply() -> None:
    """Make MMagic importable and its checkpoints loadable with the installed versions."""
    warnings.filterwarnings('ignore', category=FutureWarning, module='mmengine')
    _name_numpy_bool()
    mmagic_on_demand.install()
    if 'mmcv._ext' not in sys.modules:
        _placehold_mmcv_ext()
    if isinstance(sys.modules.get('mmcv._ext'), _ExtPlaceholder):
        _deform_with_torchvision()
    _make_checkpoints_loadable()
