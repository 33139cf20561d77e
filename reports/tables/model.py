"""What a table is, whatever format it is written in (LaTeX, Markdown, HTML, a workbook)."""

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any, TypeVar

import pandas as pd

from reports.methods import Method

T = TypeVar('T')

BEST, SECOND = 1, 2
HIGH, LOW = 'high', 'low'
INDENT = '   '  # at the start of the label of a row that belongs to the one above


@dataclass(frozen=True)
class Cell:
    """One cell: a number, a text, or ``note`` alone where there is neither.

    Attributes:
        value: a number in the unit that the column names; NaN if there is none.
        digits: decimals to print.
        std: standard deviation over seeds, NaN for a single seed.
        ssim: SSIM to print after the value, NaN for none.
        rank: BEST, SECOND or 0.
        note: "missing", "failed", "invalid", "unfinished" or "n/a" instead of a value; beside one,
            seeds done of seeds planned ("1/2") where some are not done, or a star.
        text: printed in place of the number.
        signed: whether plus signs are printed.
        source: ids of the runs that the number comes from.
    """

    value: float = math.nan
    digits: int = 2
    std: float = math.nan
    ssim: float = math.nan
    rank: int = 0
    note: str = ''
    text: str = ''
    signed: bool = False
    source: str = ''

    @property
    def shown(self) -> str:
        """The value as it is printed, without deviation and SSIM; empty where there is none."""
        if self.text or math.isnan(self.value):
            return self.text
        return self._number(self.value, self.digits)

    @property
    def shown_ssim(self) -> str:
        """SSIM as it is printed; empty where there is none."""
        return '' if math.isnan(self.ssim) else self._number(self.ssim, 3)

    def _number(self, value: float, digits: int) -> str:
        value = round(value, digits) + 0.0  # so that there is no -0
        return f'{value:{"+" if self.signed and value else ""}.{digits}f}'

    @property
    def is_partial(self) -> bool:
        """Whether some of the planned seeds are not in the value."""
        return '/' in self.note and bool(self.shown)


@dataclass(frozen=True)
class Column:
    """A column: the heading it shares with its neighbours, its own, and which values are best."""

    group: str
    header: str
    best: str = ''  # HIGH, LOW, or nothing where best and second best are not marked


@dataclass(frozen=True)
class Row:
    """A row.

    Attributes:
        heading: printed above the row where it changes.
        section: a rule is drawn where it changes.
        label: what stands at the left.
        cells: one a column.
        rivals: rows of one heading that share it compete for best and second best; None for the
            section, "" for a row that does not compete.
        method: what the row is about, if it is one method.
        network: key of the network that the row is about, if it is one.
        train_set: key of the training set that the row is about, if it is one.
    """

    heading: str
    section: str
    label: str
    cells: list[Cell]
    rivals: str | None = None
    method: Method | None = None
    network: str = ''
    train_set: str = ''

    @property
    def ring(self) -> tuple[str, str]:
        """What the rows that this one competes with have in common."""
        return self.heading, self.section if self.rivals is None else self.rivals


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        name: of its files and of its LaTeX label.
        caption: what was averaged, over how much, and what is missing.
        stub: heading of the row labels.
        rivals: among what best and second best are marked, for the caption.
        notes: one line for each run that is missing.
        continued: whether it is the further part of a table.
    """

    name: str
    caption: str
    columns: list[Column]
    rows: list[Row]
    stub: str = 'Method'
    rivals: str = 'each network'
    notes: list[str] = field(default_factory=list)
    continued: bool = False

    @property
    def is_ranked(self) -> bool:
        """Whether best and second-best cells are marked."""
        return any(column.best for column in self.columns)

    @property
    def is_partial(self) -> bool:
        """Whether any cell lacks some of its seeds."""
        return any(cell.is_partial for row in self.rows for cell in row.cells)

    def tidy(self) -> pd.DataFrame:
        """One row a cell, with the runs it comes from."""
        records = [
            {
                'table': self.name,
                'heading': row.heading,
                'section': row.section,
                'row': row.label,
                'group': column.group,
                'column': column.header,
                **{name: getattr(cell, name) for name in ('value', 'std', 'ssim', 'rank')},
                'shown': cell.shown,
                'note': cell.note,
                'runs': cell.source,
            }
            for row in self.rows
            for column, cell in zip(self.columns, row.cells, strict=True)
        ]
        return pd.DataFrame(records)


def rank_rows(columns: list[Column], rows: list[Row]) -> list[Row]:
    """Mark the best and second-best cell of every column that has a best, among rivals.

    Numbers that print alike share a rank, and two best ones leave no second best. One value alone
    is not the best, and of two the other is not the second best: it would be the worst.
    """
    marked = []
    for row in rows:
        rivals = [other for other in rows if other.ring == row.ring and row.ring[1]]
        cells = [
            _ranked(cell, [rival.cells[i] for rival in rivals], column.best)
            for i, (column, cell) in enumerate(zip(columns, row.cells, strict=True))
        ]
        marked.append(replace(row, cells=cells))
    return marked


def _ranked(cell: Cell, rivals: list[Cell], best: str) -> Cell:
    sign = {HIGH: 1, LOW: -1, '': 0}[best]
    values = [sign * round(r.value, r.digits) for r in rivals if not math.isnan(r.value)]
    if not sign or math.isnan(cell.value) or len(values) < 2:
        return cell
    place = 1 + sum(value > sign * round(cell.value, cell.digits) for value in values)
    allowed = BEST if len(values) == 2 else SECOND
    return replace(cell, rank=place if place <= allowed else 0)


def page_parts(table: Table, most_lines: int, most_columns: int) -> list[Table]:
    """The table in parts that fit a page, cut between groups of columns and headings of rows.

    Args:
        table: any table.
        most_lines: rows of a part; a heading and the rules below it count like two.
        most_columns: columns of a part beside the labels.
    """
    parts = [
        replace(
            table,
            columns=[table.columns[i] for i in at],
            rows=[replace(row, cells=[row.cells[i] for i in at]) for row in rows],
        )
        for at in _bundles(
            range(len(table.columns)), lambda i: table.columns[i].group, most_columns
        )
        for rows in _bundles(table.rows, lambda row: row.heading or row.section, most_lines, 2)
    ]
    title = re.split(r'[.:] ', table.caption)[0].rstrip('.')
    rest: dict[str, Any] = {'caption': f'{title} (continued).', 'notes': [], 'continued': True}
    return parts[:1] + [
        replace(part, name=f'{part.name}-{number}', **rest)
        for number, part in enumerate(parts[1:], start=2)
    ]


def _bundles(
    items: Iterable[T], key: Callable[[T], object], most: float, extra: float = 0.0
) -> list[list[T]]:
    """Divides items into bundles of size ``most``, if possible only where ``key`` changes.

    Every item has size 1, and every group of equal keys adds ``extra``.
    """
    bundles: list[list[T]] = []
    room = 0.0
    for group in ([*group] for _, group in groupby(items, key=key)):
        if len(group) + extra > room:
            bundles.append([])
            room = most
        room -= extra
        for item in group:
            if room < 1:
                bundles.append([])
                room = most - extra
            bundles[-1].append(item)
            room -= 1
    return bundles
