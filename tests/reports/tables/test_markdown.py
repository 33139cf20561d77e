"""Tables in Markdown: texts that would break them."""

import pytest

from reports.tables.markdown import markdown
from reports.tables.model import Cell, Column, Row, Table


@pytest.mark.parametrize(
    ('text', 'shown'),
    [
        ('a|b', 'a\\|b'),
        ('a\\|b', 'a\\\\\\|b'),
        ('two\nlines', 'two lines'),
        ('<!-- gone <script>', '&lt;!-- gone &lt;script>'),
        ('a < b, <0.1, x_y', 'a < b, <0.1, x_y'),
    ],
)
def test_texts_stay_in_their_cells(text, shown):
    table = Table('t', f'{text}.', [Column(text, 'PSNR')], [], notes=[text])
    table.rows.extend([Row(text, '', text, [Cell(1.0)]), Row('', '', 'plain', [Cell(note=text)])])
    lines = markdown([table]).splitlines()
    assert lines == [
        f'{shown}.',
        '',
        f'| Method | {shown} PSNR |',
        '|---|---:|',
        f'| {shown}: {shown} | 1.00 |',
        f'| plain | {shown} |',
        '',
        f'- {shown}',
    ]
