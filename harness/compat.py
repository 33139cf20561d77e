"""Work-arounds for version trouble between the libraries below us, all in one place.

Call :func:`apply` before MMagic is imported. It changes nothing where the trouble is absent.
"""

import importlib.util
import sys
import warnings
from types import ModuleType

from harness import mmagic_on_demand


class MissingMMCVOpError(RuntimeError):
    """An operator of the full mmcv was called, but only mmcv-lite is installed."""


class _ExtPlaceholder(ModuleType):
    """Stands for ``mmcv._ext``, the compiled operators that mmcv-lite does not carry.

    MMagic imports all of its editors at once and some of them look their operators up at import
    time, so that without this not even its pure PyTorch networks can be imported. Looking an
    operator up works; calling it raises :class:`MissingMMCVOpError`.
    """

    def __getattr__(self, name):
        if name.startswith('__'):
            raise AttributeError(name)

        def missing_op(*args, **kwargs):
            raise MissingMMCVOpError(
                f'mmcv operator "{name}" needs the full mmcv with its compiled operators, but '
                'mmcv-lite is installed, or an mmcv that was built without them'
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
    from torchvision.ops import deform_conv2d

    def modulated_deform_conv2d(
        x,
        offset,
        mask,
        weight,
        bias=None,
        stride=1,
        padding=0,
        dilation=1,
        groups=1,
        deform_groups=1,
    ):
        # as in mmcv, autocast decides by the offsets, which come from an ordinary convolution
        x, mask, weight = (tensor.type_as(offset) for tensor in (x, mask, weight))
        bias = None if bias is None else bias.type_as(offset)
        return deform_conv2d(x, offset, weight, bias, stride, padding, dilation, mask)

    mmcv.ops.modulated_deform_conv2d = modulated_deform_conv2d
    modulated_deform_conv.modulated_deform_conv2d = modulated_deform_conv2d


def _make_checkpoints_loadable() -> None:
    """Lets ``torch.load`` read what MMEngine saves, under its safe ``weights_only`` default.

    MMEngine's ``HistoryBuffer`` pickles its own methods, for which a file asks by ``getattr``. It
    gets nothing, for the buffer restores them by itself; the other types that MMEngine saves are
    harmless.
    """
    import numpy as np
    import torch
    from mmengine.logging import HistoryBuffer

    restore = HistoryBuffer.__setstate__

    def state_without_methods(buffer):
        return {k: v for k, v in vars(buffer).items() if k != 'statistics_methods'}

    def restore_without_methods(buffer, state):
        # MMEngine would give them to all buffers
        restore(buffer, {k: v for k, v in state.items() if k != 'statistics_methods'})

    HistoryBuffer.__getstate__ = state_without_methods
    HistoryBuffer.__setstate__ = restore_without_methods
    # NumPy 2 has another name for the module, of which 1.26 has an empty one
    is_new = np.lib.NumpyVersion(np.__version__) >= '2.0.0'
    multiarray = (np._core if is_new else np.core).multiarray
    functions = [
        (function, f'numpy.{core}.multiarray.{function.__name__}')
        for core in ('core', '_core')
        for function in (multiarray._reconstruct, multiarray.scalar)
    ]
    dtypes = {type(np.dtype(kind)) for kind in '?bBhHiIlLqQefd'}
    torch.serialization.add_safe_globals(
        [HistoryBuffer, np.ndarray, np.dtype, *functions, *dtypes]
        + [(lambda *_: None, 'builtins.getattr')]
    )


def _name_numpy_bool() -> None:
    """NumPy 2 has no ``np.bool8`` any more, which MMagic's transforms name."""
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
