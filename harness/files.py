"""Writing files so that a reader sees a whole file or none, whatever happens in between."""

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives a temporary path beside ``path`` that takes its place when the block is done."""
    temporary = path.with_name(f'.{path.name}.{os.getpid()}')
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, content: dict) -> None:
    """Writes ``content`` indented."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2))


def read_json(path: Path) -> dict:
    """The file's content, an object; empty if it is missing or damaged."""
    try:
        content = json.loads(path.read_text())
    except (FileNotFoundError, ValueError, RecursionError):
        return {}
    except OSError as error:
        if error.errno != errno.ESTALE:  # on NFS: replaced by another host while it was read
            raise
        return {}
    return content if isinstance(content, dict) else {}
