"""Unpacks downloaded archives, completely or with an error."""

from __future__ import annotations

import lzma
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import Self

from dataset_tools.manifest import DatasetError


class _Member(tarfile.TarInfo):
    """A member of a tar archive; an archive without a final zero block is truncated."""

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> Self:
        try:
            return super().fromtarfile(archive)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]  # public in all versions
            raise
        except tarfile.HeaderError as error:
            # tarfile itself treats this as the end.
            raise tarfile.ReadError(f'truncated or damaged at byte {archive.offset}') from error


def unpack(path: Path, scratch: Path) -> Path:
    """Unpacks a zip or tar archive.

    Args:
        path: The archive.
        scratch: Folder to unpack into; it need not exist.

    Returns:
        A folder in ``scratch`` with the archive's name, which may say what is inside.

    Raises:
        DatasetError: Not an archive, or one that is damaged, truncated, encrypted or has paths
            outside the folder.
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
                # The checksum of compressed data comes at its end.
                while archive.fileobj.read(1 << 20):
                    pass
    except (
        zipfile.BadZipFile,
        tarfile.TarError,
        EOFError,
        zlib.error,
        lzma.LZMAError,
        OSError,
        # Encrypted archives.
        RuntimeError,
    ) as error:
        reason = str(error).partition('\n')[0].rstrip(':')
        raise DatasetError(
            f'{path}: cannot be unpacked as zip or tar ({reason}); fix it or download it again'
        ) from error
    return folder
