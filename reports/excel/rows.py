"""Writes one large sheet fast: less than 2 microseconds per cell instead of openpyxl's 15.

openpyxl saves the sheet with its header and first row, which determine widths and formats; the
other rows are inserted into its XML afterwards.
"""

import math
import re
import zipfile
from pathlib import Path
from typing import BinaryIO
from xml.sax.saxutils import escape

import pandas as pd
from openpyxl.utils import get_column_letter

_ROWS_END = b'</sheetData>'


def append_rows(saved: BinaryIO, output: Path, sheet: int, frame: pd.DataFrame) -> None:
    """Copy a workbook, adding all rows of ``frame`` but the first to one of its sheets.

    Args:
        saved: workbook as openpyxl writes it.
        output: the copy.
        sheet: number of the sheet, from 1; it holds a header and the first row of ``frame``, whose
            formats the further rows take over.
        frame: numbers (NaN becomes an empty cell) and texts.
    """
    name = f'xl/worksheets/sheet{sheet}.xml'
    with zipfile.ZipFile(saved) as book, zipfile.ZipFile(output, 'w', zipfile.ZIP_DEFLATED) as copy:
        for entry in book.infolist():
            content = book.read(entry)
            if entry.filename == name:
                content = _with_rows(content, frame)
            copy.writestr(entry, content, compress_type=zipfile.ZIP_DEFLATED)


def _with_rows(content: bytes, frame: pd.DataFrame) -> bytes:
    styles = [
        _style(content, f'{get_column_letter(at)}2') for at in range(1, len(frame.columns) + 1)
    ]
    cells = [
        _cells(frame[name].iloc[1:], get_column_letter(at), style)
        for at, (name, style) in enumerate(zip(frame.columns, styles, strict=True), start=1)
    ]
    rows = ''.join(
        f'<row r="{number}">{"".join(row)}</row>'
        for number, row in enumerate(zip(*cells, strict=True), start=3)
    )
    last = f'{get_column_letter(len(frame.columns))}{len(frame) + 1}'
    content = re.sub(rb'<dimension ref="[^"]*"', f'<dimension ref="A1:{last}"'.encode(), content)
    return content.replace(_ROWS_END, rows.encode() + _ROWS_END)


def _style(content: bytes, cell: str) -> str:
    found = re.search(rf'<c r="{cell}" s="(\d+)"'.encode(), content)
    return f' s="{found[1].decode()}"' if found else ''


def _cells(values: pd.Series, column: str, style: str) -> list[str]:
    numbers = range(3, 3 + len(values))
    if not pd.api.types.is_numeric_dtype(values):
        return [
            f'<c r="{column}{row}"{style} t="inlineStr"><is><t>{escape(text)}</t></is></c>'
            for row, text in zip(numbers, values, strict=True)
        ]
    return [
        '' if math.isnan(value) else f'<c r="{column}{row}"{style}><v>{value!r}</v></c>'
        for row, value in zip(numbers, values.tolist(), strict=True)
    ]
