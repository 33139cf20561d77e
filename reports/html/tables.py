"""Tables as HTML: every column can be sorted, every number links to its runs and files."""

import math
import os
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd

from reports.methods import Method
from reports.results import GridResults
from reports.tables.model import BEST, SECOND, Cell, Row, Table

_RANKS = {BEST: ' class="best"', SECOND: ' class="second"'}
_RUN_FILES = ('config.py', 'run.json', 'timing.json', 'evaluations.json', 'log.txt')
_HEADS = {
    'psnr_y': 'PSNR (dB)',
    'ssim_y': 'SSIM',
    'ms': 'ms/frame',
    'psnr_first50': 'first 50 (dB)',
    'psnr_last50': 'last 50 (dB)',
    'drift': 'drift (dB)',
    'ms_per_iteration': 'training (ms/iteration)',
    'inference_ms': 'inference (ms/frame)',
}


def table_html(table: Table, grid: GridResults) -> str:
    """One of the report's tables with its caption."""
    groups = [
        (label, len(list(columns))) for label, columns in groupby(c.group for c in table.columns)
    ]
    top = ''.join(f'<th colspan="{count}">{escape(label)}</th>' for label, count in groups)
    heads = [table.stub, *(column.header for column in table.columns)]
    body, heading, section = [], '', None
    for row in table.rows:
        if row.heading != heading:
            span = len(heads)
            body.append(f'<tr class="heading"><th colspan="{span}">{escape(row.heading)}</th></tr>')
        rule = section not in (None, row.section) and row.heading == heading
        heading, section = row.heading, row.section
        cells = ''.join(_cell(cell) for cell in row.cells)
        kind = ' class="rule"' if rule else ''
        # When rows are sorted, each must show the heading that it was under.
        under = f' data-in="{escape(row.heading)}"' if row.heading else ''
        label = f'<td{under}>{_label(row, grid)}</td>'
        axes = _data(row.network, row.train_set, row.heading)
        body.append(f'<tr{kind}{axes}>{label}{cells}</tr>')
    return (
        f'<p class="caption">{escape(table.caption)}</p><div class="table"><table>'
        f'<thead><tr><th></th>{top}</tr><tr>{"".join(map(_head, heads))}</tr></thead>'
        f'<tbody>{"".join(body)}</tbody></table></div>'
    )


def _head(name: str, kind: str = '') -> str:
    return f'<th{kind}><button type="button">{escape(name)}</button></th>'


def _data(network: str, train: str, words: str) -> str:
    """The network and training set of a row, for the filters at the top of the page."""
    parts = {'n': network, 't': train, 'words': words}
    return ''.join(f' data-{key}="{escape(value)}"' for key, value in parts.items() if value)


def _label(row: Row, grid: GridResults) -> str:
    label = escape(row.label)
    if row.method is None:
        return label
    # The names of its variants begin with its own name.
    longer = any(_begins(row.method, other) for other in grid.methods)
    words = escape(f'"{row.label}"' + f' -"{row.label},"' * longer)
    return f'<a class="method" href="#videos" data-words="{words}">{label}</a>'


def _begins(method: Method, other: Method) -> bool:
    """Returns whether another method is a variant whose name begins with this one's."""
    same = (method.network, method.training) == (other.network, other.training)
    longer = method.checkpoint == 'last' and method.reset in (None, other.reset)
    return same and longer and method.variant_label != other.variant_label


def _cell(cell: Cell) -> str:
    if not cell.shown:
        return f'<td class="bad">{escape(cell.note)}</td>'
    text = f'<span{_RANKS.get(cell.rank, "")}>{escape(cell.shown)}</span>'
    text += f'<small> ({escape(cell.note)})</small>' if cell.note else ''
    text += '' if math.isnan(cell.std) else f'<small> ±{cell.std:.{cell.digits}f}</small>'
    text += f' / {cell.shown_ssim}' if cell.shown_ssim else ''
    value = '' if math.isnan(cell.value) else f' data-v="{cell.value:.6g}"'
    return f'<td{value}>{text}</td>'


def videos_html(grid: GridResults, folder: Path, work_dir: Path) -> str:
    """Lists every trial on every video; a video's name links to the file with its frames."""
    trials = grid.trials.set_index('trial_id')
    files = grid.evaluations.set_index(['trial_id', 'test_set'])['file']
    numbers = [c for c in grid.videos if c not in ('trial_id', 'test_set', 'video')]
    heads = [_head(name, ' class="text"') for name in ('Method', 'Trained on', 'Test set', 'Video')]
    heads += [_head(_HEADS.get(name, name.replace('_', ' '))) for name in ['seed', *numbers]]
    rows = []
    for video in grid.videos.to_dict('records'):
        trial = trials.loc[video['trial_id']]
        csv = _link(work_dir / files[video['trial_id'], video['test_set']], folder)
        texts = [
            grid.record.train_sets.get(trial['train_set'], ''),
            grid.record.test_sets[video['test_set']].label,
        ]
        cells = [f'<td>{escape(trial["method"])}</td>']
        cells += [f'<td class="text">{escape(text)}</td>' for text in texts]
        cells.append(f'<td class="text"><a href="{csv}">{escape(video["video"])}</a></td>')
        cells += [_number('seed', trial['seed'])]
        cells += [_number(name, video[name]) for name in numbers]
        data = _data(trial['network'], trial['train_set'], video['trial_id'])
        rows.append(f'<tr{data}>{"".join(cells)}</tr>')
    return _plain_table(heads, rows)


def run_files(grid: GridResults, work_dir: Path) -> list[list[str]]:
    """Returns the existing files of each run, to be linked."""
    places = [work_dir / folder for folder in grid.runs['folder']]
    return [[name for name in _RUN_FILES if (place / name).is_file()] for place in places]


def runs_html(grid: GridResults, folder: Path, work_dir: Path) -> str:
    """Lists every run of the grid: status and reason, times, folder and files."""
    numbers = ['seed', 'iterations', 'parameters', 'ms_per_iteration', 'inference_ms']
    texts = ('Run', 'Status', 'Why', 'Method', 'Trained on', 'Files')
    heads = [_head(name, ' class="text"') for name in texts]
    heads += [_head(_HEADS.get(name, name)) for name in numbers]
    rows = []
    for (_, run), files in zip(grid.runs.iterrows(), run_files(grid, work_dir), strict=True):
        place = work_dir / run['folder']
        links = [f'<a href="{_link(place / name, folder)}">{name}</a>' for name in files]
        bad = '' if run['status'] == 'DONE' else ' bad'
        cells = [
            f'<td><a href="{_link(place, folder)}/">{escape(run["run_id"])}</a></td>',
            f'<td class="text{bad}">{escape(run["status"].lower())}</td>',
            f'<td class="text{" long" if run["reason"] else ""}">{escape(run["reason"])}</td>',
            f'<td class="text">{escape(run["method"])}</td>',
            f'<td class="text">{escape(grid.record.train_sets.get(run["train_set"], ""))}</td>',
            f'<td class="text">{" ".join(links)}</td>',
            *(_number(name, run[name]) for name in numbers),
        ]
        data = _data(run['network'], run['train_set'], '')
        rows.append(f'<tr{data}>{"".join(cells)}</tr>')
    return _plain_table(heads, rows)


def _plain_table(heads: list[str], rows: list[str]) -> str:
    return (
        f'<div class="table"><table><thead><tr>{"".join(heads)}</tr></thead>'
        f'<tbody>{"".join(rows)}</tbody></table></div>'
    )


def _link(path: Path, folder: Path) -> str:
    return escape(quote(os.path.relpath(path, folder)))


def _number(name: str, value: Any) -> str:
    if pd.isna(value):
        return '<td></td>'
    if isinstance(value, (str, bool)):
        text = value if isinstance(value, str) else 'yes' if value else 'no'
        return f'<td class="text">{escape(text)}</td>'
    return f'<td data-v="{value:.6g}">{_printed(name, value)}</td>'


def _printed(name: str, value: float) -> str:
    if float(value).is_integer() and ('frame' in name or abs(value) >= 100 or name == 'seed'):
        return f'{value:.0f}'
    if name == 'drift':
        return f'{value:+.2f}'.replace('-', '\u2212')
    digits = {'psnr': '.2f', 'ssim': '.4f', 'ms': '.1f', 'drift': '+.2f'}
    return f'{value:{next((d for kind, d in digits.items() if kind in name), ".4g")}}'
