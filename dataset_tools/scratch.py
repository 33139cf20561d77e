"""Temporary folders next to an output: marked, locked by one process, cleared by the next one.

A call removes its folder when it ends, even by an exception. If it is killed, the next call for the
same output removes the folder. A folder without the marker is never touched.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dataset_tools.manifest import DatasetError

MARKER = '.made_by_dataset_tools'


@contextmanager
def scratch_folder(output: str | Path, ending: str = 'part') -> Iterator[Path]:
    """Yields an empty folder ``.<output>.<ending>`` next to an output, and removes it at the end.

    It contains a locked marker file. Parents of the output are created, and removed again if they
    stay empty.

    Args:
        output: The file or folder to be made.
        ending: Distinguishes the folders of one call.

    Raises:
        DatasetError: Another process is making this output, something else has the folder's name,
            or (also in the ``with`` block) nothing can be written.
    """
    output = Path(os.path.abspath(output))
    folder = output.parent / f'.{output.name}.{ending}'
    new_parents = [parent for parent in output.parents if not parent.exists()]
    try:
        lock = _take(folder, output)
        try:
            _clear(folder)
            yield folder
        finally:
            _clear(folder)
            # In this order no other process's marker is removed; NFS keeps files that are open.
            (folder / MARKER).unlink()
            os.close(lock)
            with suppress(OSError):
                folder.rmdir()
    except OSError as error:
        raise DatasetError(f'{output}: cannot be written ({error.strerror or error})') from error
    finally:
        for parent in new_parents:
            with suppress(OSError):
                parent.rmdir()


def _take(folder: Path, output: Path) -> int:
    """Creates the folder unless a killed call left it; returns the lock's file descriptor."""
    marker = folder / MARKER
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        if folder.is_symlink() or (not marker.is_file() and any(folder.iterdir())):
            raise DatasetError(
                f'{folder}: is in the way and not a temporary folder of this program; move it away'
            )
        lock = os.open(marker, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        try:
            # A file that is open for writing, because NFS cannot lock folders.
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if marker.is_file() and os.path.samestat(os.fstat(lock), marker.stat()):
                return lock
        except BlockingIOError as error:
            os.close(lock)
            raise DatasetError(f'{output}: another process is making it; wait for it') from error
        except OSError:
            os.close(lock)
            raise
        # The previous process has just removed its folder.
        os.close(lock)


def _clear(folder: Path) -> None:
    for leftover in folder.iterdir():
        if leftover.is_dir() and not leftover.is_symlink():
            shutil.rmtree(leftover)
        elif leftover.name != MARKER:
            leftover.unlink()
