"""Temporary folders beside what is made: marked, held by one process, cleared by the next one.

A call that ends removes its folder, whatever ended it. One that is killed leaves it, and the next
call on the same output clears it away. A folder without the marker is never touched.
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
    """Gives an empty folder ``.<output>.<ending>`` beside an output, and removes it at the end.

    It holds a marker file, which a lock is on. Parents of the output are made, and go again if
    nothing has been put into them.

    Args:
        output: The file or folder to be made.
        ending: What tells apart the folders of one call.

    Raises:
        DatasetError: Another process makes this output, something else is in the folder's place, or
            (also in the ``with`` block) nothing can be written.
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
            # In this order: nobody else's marker is removed, and NFS keeps no file that is open.
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
    """Makes the folder unless a killed call has left it; returns the lock's file descriptor."""
    marker = folder / MARKER
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        if folder.is_symlink() or (not marker.is_file() and any(folder.iterdir())):
            raise DatasetError(
                f'{folder}: is in the way and no temporary folder of this program; move it away'
            )
        lock = os.open(marker, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        try:
            # A file that is open for writing, for NFS locks no folders.
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if marker.is_file() and os.path.samestat(os.fstat(lock), marker.stat()):
                return lock
        except BlockingIOError as error:
            os.close(lock)
            raise DatasetError(f'{output}: another process is making it; wait for it') from error
        except OSError:
            os.close(lock)
            raise
        # The process before has just removed its folder.
        os.close(lock)


def _clear(folder: Path) -> None:
    for leftover in folder.iterdir():
        if leftover.is_dir() and not leftover.is_symlink():
            shutil.rmtree(leftover)
        elif leftover.name != MARKER:
            leftover.unlink()
