"""Assembles the page from its assets, the tables and the payload."""

import json
from collections.abc import Iterable
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

from harness.runs.files import write_text
from reports.figures.drawers import Drawn
from reports.figures.saved_images import SavedImages
from reports.html.payload import Pictures, describe_grid, encode_curves
from reports.html.tables import runs_html, table_html, videos_html
from reports.results import GridResults
from reports.tables.captions import run_counts
from reports.tables.model import Table

SCRIPTS = ('core.js', 'tables.js', 'chart.js', 'curves.js', 'viewer.js', 'start.js')
SECTIONS = ('Tables', 'Curves', 'Frames', 'Videos', 'Runs', 'Files')
PICTURE_BYTES = 16_000_000  # of PNG files inside the page; the others are linked


def write_page(
    grid: GridResults,
    images: SavedImages,
    tables: list[Table],
    outputs: Iterable[tuple[str, Path]],
    drawn: list[Drawn],
    folder: Path,
) -> Path:
    """Write ``index.html``.

    Args:
        grid: the results.
        images: their saved frames.
        tables: the tables in the order in which they are shown, the first one expanded.
        outputs: (description, path) of the report's other files.
        drawn: the figures.
        folder: the report's folder; links to run folders are relative to it.
    """
    pictures = Pictures(grid, images, folder, PICTURE_BYTES)
    curves = encode_curves(grid)
    data = describe_grid(grid)
    data['quantities'] = [quantity for quantity, _ in curves]
    data['pictures'] = pictures.entries()
    page = Template(_asset('page.html')).substitute(
        title=escape(grid.record.name),
        counts=run_counts(grid),
        nav=''.join(f'<a href="#{name.lower()}">{name}</a>' for name in SECTIONS),
        notes=_notes(grid),
        tables=''.join(_folded(table, grid, not index) for index, table in enumerate(tables)),
        videos=videos_html(grid, folder, images.work_dir),
        runs=runs_html(grid, folder, images.work_dir),
        files=_files(outputs, drawn, folder),
        precision='PSNR is drawn to 0.01 dB; the CSV files have all digits.',
        linked=_linked(pictures),
        data=_data_blocks(data, curves, pictures.embedded),
        style=_asset('style.css'),
        script=f"(() => {{\n'use strict';\n{''.join(map(_asset, SCRIPTS))}}})();",
    )
    return write_text(folder / 'index.html', page)


def _asset(name: str) -> str:
    return (files('reports.html') / 'assets' / name).read_text(encoding='utf-8')


def _notes(grid: GridResults) -> str:
    notes = ''.join(f'<li>{escape(note)}</li>' for note in grid.notes())
    head = '<strong>Not in the tables</strong>'
    return f'<section class="notes">{head}<ul>{notes}</ul></section>' if notes else ''


def _folded(table: Table, grid: GridResults, is_open: bool) -> str:
    name = table.name.replace('_', ' ')
    state = ' open' if is_open else ''
    return (
        f'<details{state}><summary>{escape(name[:1].upper() + name[1:])}</summary>'
        f'{table_html(table, grid)}</details>'
    )


def _files(outputs: Iterable[tuple[str, Path]], drawn: list[Drawn], folder: Path) -> str:
    entries = [_entry(what, [path], '', folder) for what, path in outputs]
    entries += [_entry(f.what, f.paths, f.caption, folder) for f in drawn]
    return f'<ul class="files">{"".join(entries)}</ul>'


def _entry(what: str, paths: list[Path], caption: str, folder: Path) -> str:
    names = [path.relative_to(folder).as_posix() for path in paths]
    links = ', '.join(f'<a href="{escape(name)}">{escape(name)}</a>' for name in names)
    below = f'<p>{escape(caption)}</p>' if caption else ''
    return f'<li>{escape(what[:1].upper() + what[1:])}: {links}{below}</li>'


def _linked(pictures: Pictures) -> str:
    if not pictures.linked:
        return ''
    return (
        f'{pictures.linked} pictures are not embedded in this page and show only while it is in '
        'its work directory.'
    )


def _data_blocks(data: dict, curves: list[tuple[dict, str]], pictures: list[str]) -> str:
    # "</script" would end the block within a text, "<!--<script" would keep it from ending.
    text = json.dumps(data, separators=(',', ':'), allow_nan=False).replace('<', '\\u003c')
    blocks = [('data', text), *((f'curves-{about["key"]}', packed) for about, packed in curves)]
    blocks += [(f'picture-{number}', picture) for number, picture in enumerate(pictures)]
    return ''.join(
        f'<script type="application/octet-stream" id="{escape(name)}">{content}</script>\n'
        for name, content in blocks
    )
