"""Writing files so that a reader sees a whole file or none, whatever happens in between."""

import errno
import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.errors import UserError, reason_of


class InvalidFile(UserError):
    """One file is missing, damaged or not what it should be; the message says which and why."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives a temporary path beside ``path`` that takes its place when the block is done.

    It keeps the suffix, from which matplotlib and openpyxl tell the format.
    """
    # hosts and containers may share a folder and have the same process numbers
    temporary = path.with_name(f'.{path.stem[:100]}.{secrets.token_hex(6)}{path.suffix}')
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> Path:
    """Writes a text file (UTF-8), and its folder where there is none; returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding='utf-8')
    return path


def write_json(path: Path, content: dict) -> None:
    """Writes ``content`` indented."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2), encoding='utf-8')


def read_json(path: Path) -> dict:
    """The file's content, an object; empty if the file is missing or damaged.

    Raises:
        OSError: it is there, but cannot be read: nothing is known then.
    """
    try:
        return load_json(path)
    except InvalidFile as error:
        cause = error.__cause__
        # ESTALE: replaced by another host while it was read, on NFS
        if isinstance(cause, OSError) and cause.errno not in (errno.ENOENT, errno.ESTALE):
            raise cause from None
        return {}


def load_json(path: Path) -> dict:
    """The file's content, an object.

    Raises:
        InvalidFile: the file is missing, damaged or unreadable, or holds something else.
    """
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError, RecursionError) as error:
        reason = reason_of(error) if isinstance(error, OSError) else error
        reason = 'nested too deeply' if isinstance(error, RecursionError) else reason
        raise InvalidFile(f'{path.name} is not readable JSON: {reason}') from error
    if not isinstance(content, dict):
        raise InvalidFile(f'{path.name} holds no JSON object')
    return content


def sha256(path: Path) -> str:
    """Checksum of a file's content."""
    with open(path, 'rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()


def redirect_output(path: Path) -> None:
    """Appends all that this process and its children print from now on to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
