"""Puts tables and figures made from records into the page of the study.

A marker in the page, ``<!-- scratch methods -->``, is followed by its table, up to
``<!-- end -->``; the text between them is replaced.
"""

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from harness.errors import UserError
from harness.runs.records_zip import unpack_records
from reports.figures.style import PNG_DPI
from reports.results import GridResults, load_grid
from reports.study.figures import FIGURES
from reports.study.parts import TABLES

_MARKED = re.compile(r'(<!-- ([a-z_ ]+) -->\n)(?:(?!<!--).*\n)*(<!-- end -->\n)')


def write_page(page: Path, studies: Path) -> list[Path]:
    """Renews the tables of the page and the figures in the folders of the parts.

    Args:
        page: Markdown with markers.
        studies: Folder of the parts, PART/records.zip each.

    Returns:
        The files that were written.

    Raises:
        UserError: A marker is unknown.
    """
    text = page.read_text()
    written = [page]
    tables: dict[str, str] = {}
    for part in sorted({TABLES[marker][0] for marker in _markers(page, text)}):
        makers = {marker: make for marker, (of, make) in TABLES.items() if of == part}
        records = studies / part / 'records.zip'
        if not records.is_file():
            tables |= dict.fromkeys(makers, f'*Not run yet: `make study PART={part}`.*')
            continue
        grid = _read(records)
        tables |= {marker: '\n'.join(make(grid)) for marker, make in makers.items()}
        for name, draw in FIGURES.get(part, {}).items():
            written.append(studies / part / f'{name}.png')
            draw(grid).savefig(written[-1], dpi=PNG_DPI)
    page.write_text(_MARKED.sub(lambda m: f'{m[1]}{tables[m[2]]}\n{m[3]}', text))
    return written


def _markers(page: Path, text: str) -> Iterator[str]:
    for match in _MARKED.finditer(text):
        if match[2] not in TABLES:
            raise UserError(f'{page}: unknown table {match[2]!r}; there are {", ".join(TABLES)}')
        yield match[2]


def _read(records: Path) -> GridResults:
    with tempfile.TemporaryDirectory(prefix='records-') as folder:
        unpack_records(records, Path(folder))
        return load_grid(Path(folder))
