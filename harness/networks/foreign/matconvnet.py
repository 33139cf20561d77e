"""Reads networks saved by MatConvNet's DagNN (MATLAB files before version 7.3) with SciPy."""

import re
import zlib
from pathlib import Path

import numpy as np
import torch
from scipy.io import loadmat
from scipy.io.matlab import MatReadError
from torch import Tensor

from harness.errors import fail


def is_dagnn(path: Path) -> bool:
    """Whether a file has the extension of a MATLAB file."""
    return path.suffix == '.mat'


def read_dagnn(path: Path) -> dict[str, Tensor]:
    """All parameters by name, with four dimensions in MATLAB's order (trailing ones are added).

    Raises:
        UserError: The file is missing, damaged, or of another kind.
    """
    if not path.is_file():
        fail(f'{path}: no such file')
    try:
        params = loadmat(path, variable_names=['net'])['net']['params'][0, 0][0]
        return {str(p['name'][0]): _tensor(p['value']) for p in params}
    except (MatReadError, ValueError, TypeError, KeyError, IndexError, EOFError) as error:
        fail(f'{path}: is damaged or not a network of MatConvNet ({error!r})')
    except (NotImplementedError, zlib.error, OSError) as error:
        fail(f'{path}: cannot be read ({error!r})')


def _tensor(value: np.ndarray) -> Tensor:
    value = np.ascontiguousarray(value, np.float32)
    return torch.from_numpy(value.reshape(value.shape + (1,) * (4 - value.ndim)))


def lapsrn_weights(weights: dict[str, Tensor]) -> dict[str, Tensor] | None:
    """LapSRN's parameters under their names here; None if they belong to another network.

    Their names are ``level2_conv1_{f,b}`` and so on; the first level has the highest number.
    Kernels are (height, width, in, out), those of deconvolutions (height, width, out, in).
    """
    pattern = r'(?:input_conv|level(\d+)_(?:conv(\d+)|(upconv|residual_conv|img_up)))_([fb])'
    matches = [match for name in weights if (match := re.fullmatch(pattern, name))]
    if not matches or len(matches) < len(weights):
        return None
    first = max(int(match[1] or 0) for match in matches)
    places = {'upconv': 'upconv', 'residual_conv': 'residual', 'img_up': 'image_up'}
    renamed = {}
    for match, x in zip(matches, weights.values(), strict=True):
        level, conv, other, kind = match.groups()
        place = 'first'
        if level:
            within = f'convs.{int(conv) - 1}' if conv else places[other]
            place = f'levels.{first - int(level)}.{within}'
        if kind == 'f':
            renamed[f'{place}.weight'] = x.permute(3, 2, 0, 1).contiguous()
        else:
            renamed[f'{place}.bias'] = x.flatten()
    return renamed
