"""Files of weights that would make a folder if what they hold were executed."""

import io
import os
import pickle
import tarfile
from pathlib import Path

import torch


class Code:
    """Is pickled as a call that makes the folder ``mark``."""

    def __init__(self, mark: Path):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


def write_hostile(path: Path, kind: str, mark: Path, **weights) -> Path:
    """Writes a file of PyTorch's present or former formats, or a bare pickle, with code in it."""
    content = dict(state_dict={**weights, 'code': Code(mark)}, meta={})
    if kind in ('zip', 'legacy'):
        torch.save(content, path, _use_new_zipfile_serialization=kind == 'zip')
    elif kind == 'pickle':
        path.write_bytes(pickle.dumps(content))
    else:
        with tarfile.open(path, 'w') as archive:
            for name in ('storages', 'tensors', 'pickle'):
                member = tarfile.TarInfo(name)
                member.size = len(data := pickle.dumps(Code(mark)))
                archive.addfile(member, io.BytesIO(data))
    return path
