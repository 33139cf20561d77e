"""Networks that MatConvNet's DagNN saved (MATLAB files before version 7.3), read by SciPy."""

import zlib
from pathlib import Path

import numpy as np
import torch
from scipy.io import loadmat
from scipy.io.matlab import MatReadError
from torch import Tensor

from harness.errors import fail


def is_dagnn(path: Path) -> bool:
    """Whether a file's name is that of a MATLAB file."""
    return path.suffix == '.mat'


def read_dagnn(path: Path) -> dict[str, Tensor]:
    """All parameters by name, with four dimensions as MATLAB has them (trailing ones are added).

    Raises:
        UserError: the file is missing, damaged, or of another kind.
    """
    if not path.is_file():
        fail(f'{path}: no such file')
    try:
        params = loadmat(path, variable_names=['net'])['net']['params'][0, 0][0]
        return {str(p['name'][0]): _tensor(p['value']) for p in params}
    except (MatReadError, ValueError, TypeError, KeyError, IndexError, EOFError) as error:
        fail(f'{path}: is damaged or no network of MatConvNet ({error!r})')
    except (NotImplementedError, zlib.error, OSError) as error:
        fail(f'{path}: cannot be read ({error!r})')


def _tensor(value: np.ndarray) -> Tensor:
    value = np.ascontiguousarray(value, np.float32)
    return torch.from_numpy(value.reshape(value.shape + (1,) * (4 - value.ndim)))
