"""Unpacks archives as they were downloaded, all of them or with an error."""

from __future__ import annotations

import lzma
import tarfile
import zipfile
import zlib
from pathlib import Path

from dataset_tools.manifest import DatasetError


class _Member(tarfile.TarInfo):
    """A member of a tar archive; without the zero block that ends it, an archive was cut short."""

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> tarfile.TarInfo:
        try:
            return super().fromtarfile(archive)
        except tarfile.EOFHeaderError:
            raise
        except tarfile.HeaderError as error:
            # tarfile itself takes this for the end.
            raise tarfile.ReadError(f'truncated or damaged at byte {archive.offset}') from error


def unpack(path: Path, scratch: Path) -> Path:
    """Unpacks a zip or tar archive.

    Args:
        path: The archive.
        scratch: Where to; need not exist.

    Returns:
        A folder in it. Its name is the archive's own, for that can say what is inside.

    Raises:
        DatasetError: No archive, or one that is damaged, truncated, locked by a password or leads
            out of the folder.
    """
    folder = scratch / path.name.split('.')[0]
    folder.mkdir(parents=True)
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                archive.extractall(folder)
        else:
            with tarfile.open(path, tarinfo=_Member) as archive:
                archive.extractall(folder, filter='data')
                # The checksum of what is compressed comes at its end.
                while archive.fileobj.read(1 << 20):
                    pass
    except (
        zipfile.BadZipFile,
        tarfile.TarError,
        EOFError,
        zlib.error,
        lzma.LZMAError,
        OSError,
        # Archives with a password.
        RuntimeError,
    ) as error:
        reason = str(error).partition('\n')[0].rstrip(':')
        raise DatasetError(
            f'{path}: cannot be unpacked as zip or tar ({reason}); mend that or fetch it again'
        ) from error
    return folder
