"""Atomic writing: a reader sees a complete file or none, whatever happens in between."""

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
    """A file is missing, damaged or not of the expected kind; the message says which and why."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside ``path``, and renames it to ``path`` after the block.

    It has the suffix of ``path``, from which matplotlib and openpyxl infer the format.
    """
    # random, since hosts and containers may share a folder and have the same process ids
    temporary = path.with_name(f'.{path.stem[:100]}.{secrets.token_hex(6)}{path.suffix}')
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> Path:
    """Writes a text file (UTF-8), creating its folder if necessary; returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding='utf-8')
    return path


def write_json(path: Path, content: dict) -> None:
    """Writes ``content`` as indented JSON."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2), encoding='utf-8')


def read_json(path: Path) -> dict:
    """Reads a JSON object; empty if the file is missing or damaged.

    Raises:
        OSError: The file exists but cannot be read, so its content is unknown.
    """
    try:
        return load_json(path)
    except InvalidFile as error:
        cause = error.__cause__
        # ESTALE: on NFS, another host replaced it while it was read
        if isinstance(cause, OSError) and cause.errno not in (errno.ENOENT, errno.ESTALE):
            raise cause from None
        return {}


def load_json(path: Path) -> dict:
    """Reads a JSON object.

    Raises:
        InvalidFile: The file is missing, damaged or unreadable, or not a JSON object.
    """
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError, RecursionError) as error:
        reason = reason_of(error) if isinstance(error, OSError) else str(error)
        reason = 'nested too deeply' if isinstance(error, RecursionError) else reason
        raise InvalidFile(f'{path.name} is not readable JSON: {reason}') from error
    if not isinstance(content, dict):
        raise InvalidFile(f'{path.name} is not a JSON object')
    return content


def sha256(path: Path) -> str:
    """The SHA-256 checksum of a file's content, in hexadecimal."""
    with open(path, 'rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()


def redirect_output(path: Path) -> None:
    """Appends all further output of this process and its children to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
