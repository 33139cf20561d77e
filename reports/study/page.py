"""Puts tables and figures made from records into the page of the study.

A marker in the page, ``<!-- scratch methods -->``, is followed by its table, up to
``<!-- end -->``; what stands between them is replaced.
"""

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from harness.errors import UserError
from harness.runs.records_zip import unpack_records
from reports.results import GridResults, load_grid
from reports.study.figures import FIGURES
from reports.study.parts import TABLES

_MARKED = re.compile(r'(<!-- ([a-z_ ]+) -->\n)(?:.*?\n)?(<!-- end -->\n)', re.DOTALL)


def write_page(page: Path, studies: Path) -> list[Path]:
    """Renews the tables of the page and the figures in the folders of the parts.

    Args:
        page: Markdown with markers.
        studies: Folder of the parts, PART/records.zip each.

    Returns:
        The files that were written.

    Raises:
        UserError: A marker is unknown, or the records of its part are missing.
    """
    text = page.read_text()
    parts = {TABLES[marker][0] for marker in _markers(page, text)}
    written = []
    tables: dict[str, str] = {}
    for part in sorted(parts):
        grid = _read(studies / part / 'records.zip')
        of_part = {marker: make for marker, (of, make) in TABLES.items() if of == part}
        tables |= {marker: '\n'.join(make(grid)) for marker, make in of_part.items()}
        for name, draw in FIGURES.get(part, {}).items():
            path = studies / part / f'{name}.png'
            draw(grid).savefig(path, dpi=150)
            written.append(path)
    page.write_text(_MARKED.sub(lambda m: f'{m[1]}{tables[m[2]]}\n{m[3]}', text))
    return [*written, page]


def _markers(page: Path, text: str) -> Iterator[str]:
    for match in _MARKED.finditer(text):
        if match[2] not in TABLES:
            raise UserError(f'{page}: unknown table {match[2]!r}; there are {", ".join(TABLES)}')
        yield match[2]


def _read(records: Path) -> GridResults:
    if not records.is_file():
        raise UserError(f'{records}: no such file; `make study PART={records.parent.name}` makes it')
    with tempfile.TemporaryDirectory(prefix='records-') as folder:
        unpack_records(records, Path(folder))
        return load_grid(Path(folder))
