"""Image quality by pyiqa (extra ``iqa``), where its weights are at hand; nothing is downloaded.

NIQE, MUSIQ (KonIQ-10k) and CLIP-IQA look at SR frames alone, DISTS compares them with GT. pyiqa's
own settings and implementations are taken as they are; which values are better, too
(``reports.tables.standard.QUANTITIES``).
"""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from harness.evaluation.perceptual import hub_file
from harness.evaluation.protocols import Region, size_text

_PYIQA = 'https://huggingface.co/chaofengc/IQA-PyTorch-Weights/resolve/main/'
_CLIP = 'https://openaipublic.azureedge.net/clip/models/'
_RN50 = 'afeb0e10f9e5a86da6080e35cf09123aca3b358a0c3e3b6c78a7b63bc04b6762/RN50.pt'
#: metric -> the files that pyiqa would download, below PyTorch's or CLIP's cache, and from where
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
    """What to do to have one of these metrics; None where it is at hand. Imports nothing heavy."""
    if find_spec('pyiqa') is None:
        return "needs pyiqa; pip install 'vsr-stability[iqa]', or leave it out"
    for file, source in _WEIGHTS[name].items():
        path = Path('~/.cache', file).expanduser() if file.startswith('clip/') else hub_file(file)
        if not path.is_file():
            url = source + path.name if source.endswith('/') else source
            return f'needs {path}; put {url} there, or leave it out'
    return None


class _Quality:
    """One of pyiqa's metrics, on one frame after the other."""

    name: str
    needs_gt = False

    def __call__(self, gt: np.ndarray, sr: np.ndarray, region: Region) -> float:
        """The metric of a frame in ``region``.

        Raises:
            ValueError: pyiqa cannot use such frames, which may be too small.
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


def _tensor(image: np.ndarray):
    """(1, 3, H, W) in [0, 1]."""
    import torch

    return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None] / 255


@cache
def _metric(name: str):
    from harness.errors import fail

    if problem := missing_for(name):
        fail(f'{name} {problem}')
    import pyiqa

    return pyiqa.create_metric(name)
