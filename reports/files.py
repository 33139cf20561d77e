"""Writing files so that a reader never sees half of one, and reading JSON that may be damaged."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reports.reading.text import clean


class InvalidFile(Exception):
    """One file of a run is damaged; the message is the one-line reason."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path``; rename it to ``path`` if the block succeeds.

    The temporary name keeps the suffix, from which matplotlib and openpyxl tell the format.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f'.{path.stem}.{os.getpid()}{path.suffix}')
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> Path:
    """Write a text file (UTF-8) in one step."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding='utf-8')
    return path


def read_json(path: Path) -> dict:
    """Read a JSON object; its texts are cleaned.

    Raises:
        InvalidFile: the file cannot be read or holds something else.
    """
    try:
        raw = clean(json.loads(path.read_text(encoding='utf-8')))
    except (OSError, ValueError) as error:
        raise InvalidFile(f'{path.name} is not readable JSON: {clean(str(error))}') from None
    except RecursionError:
        raise InvalidFile(f'{path.name} is not readable JSON: nested too deeply') from None
    if not isinstance(raw, dict):
        raise InvalidFile(f'{path.name} holds no JSON object')
    return raw
