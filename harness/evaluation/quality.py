"""Image quality by pyiqa (extra ``iqa``), if its weights are available; nothing is downloaded.

NIQE, MUSIQ (KonIQ-10k) and CLIP-IQA need only SR frames; DISTS compares them with GT. pyiqa's own
implementations and default settings are used; ``reports.tables.standard.QUANTITIES`` says whether
higher or lower values are better.
"""

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from harness.evaluation.perceptual import hub_file
from harness.evaluation.protocol import Region, size_text

_PYIQA = 'https://huggingface.co/chaofengc/IQA-PyTorch-Weights/resolve/main/'
_CLIP = 'https://openaipublic.azureedge.net/clip/models/'
_RN50 = 'afeb0e10f9e5a86da6080e35cf09123aca3b358a0c3e3b6c78a7b63bc04b6762/RN50.pt'
#: metric -> the files that pyiqa would download to PyTorch's or CLIP's cache, and their sources
_WEIGHTS = {
    'niqe': {'pyiqa/niqe_modelparameters.mat': _PYIQA},
    'musiq': {'pyiqa/musiq_koniq_ckpt-e95806b9.pth': _PYIQA},
    'clipiqa': {'clip/RN50.pt': f'{_CLIP}{_RN50}'},
    'dists': {
        'pyiqa/DISTS_weights-f5e65c96.pth': _PYIQA,
        'checkpoints/vgg16-397923af.pth': 'https://download.pytorch.org/models/',
    },
}


def missing_for(name: str) -> str | None:
    """How to make one of these metrics available; None if it is. Imports nothing heavy."""
    if find_spec('pyiqa') is None:
        return "needs pyiqa; pip install 'vsr-stability[iqa]', or omit it"
    for file, source in _WEIGHTS[name].items():
        path = Path('~/.cache', file).expanduser() if file.startswith('clip/') else hub_file(file)
        if not path.is_file():
            url = source + path.name if source.endswith('/') else source
            return f'needs {path}; put {url} there, or omit it'
    return None


class _Quality:
    """One of pyiqa's metrics, applied to frames one by one."""

    name: str
    needs_gt = False

    def __call__(self, gt: np.ndarray, sr: np.ndarray, region: Region) -> float:
        """The metric of a frame in ``region``.

        Raises:
            ValueError: pyiqa cannot score such frames, for example because they are too small.
        """
        import torch

        metric = _metric(self.name)
        images = (sr, gt) if self.needs_gt else (sr,)
        tensors = [_tensor(image[region]) for image in images]
        try:
            with torch.inference_mode():
                return float(metric(*tensors))
        except (RuntimeError, ValueError, AssertionError, IndexError, ZeroDivisionError) as error:
            reason = str(error).partition('\n')[0] or type(error).__name__
            size = size_text(sr[region])
            raise ValueError(f'{self.name} cannot score {size} pixels: {reason}') from error


class Niqe(_Quality):
    """NIQE (Mittal et al., SPL 2013), of Y; lower is better."""

    name = 'niqe'


class Musiq(_Quality):
    """MUSIQ (Ke et al., ICCV 2021), trained on KonIQ-10k; higher is better."""

    name = 'musiq'


class ClipIqa(_Quality):
    """CLIP-IQA (Wang et al., AAAI 2023); higher is better."""

    name = 'clipiqa'


class Dists(_Quality):
    """DISTS (Ding et al., TPAMI 2020) from the GT frame; lower is better."""

    name = 'dists'
    needs_gt = True


def _tensor(image: np.ndarray) -> Any:
    """Converts an image to a tensor (1, 3, H, W) in [0, 1]."""
    import torch

    return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None] / 255


@cache
def _metric(name: str) -> Any:
    from harness.errors import fail

    if problem := missing_for(name):
        fail(f'{name} {problem}')
    import pyiqa

    return pyiqa.create_metric(name)
