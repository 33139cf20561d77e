"""Cells, ranks, and cutting tables into pages."""

import pytest

from reports.tables.model import (
    BEST,
    HIGH,
    LOW,
    SECOND,
    Cell,
    Column,
    Row,
    Table,
    page_parts,
    rank_rows,
)


def ranks(*values, best=HIGH):
    rows = [Row('', 'net', str(i), [Cell(value=value)]) for i, value in enumerate(values)]
    return [row.cells[0].rank for row in rank_rows([Column('', '', best)], rows)]


def test_best_and_second():
    assert ranks(20.0, 25.0, 23.0) == [0, BEST, SECOND]
    assert ranks(20.0, 25.0, 23.0, best=LOW) == [BEST, 0, SECOND]
    assert ranks(20.0, 25.0, 23.0, best='') == [0, 0, 0]


def test_numbers_that_print_alike_share_a_rank():
    assert ranks(30.641, 30.63, 30.638) == [BEST, 0, BEST]
    assert ranks(20.0, 30.0, 20.001, 10.0) == [SECOND, BEST, SECOND, 0]


def test_small_sections_and_gaps():
    assert ranks(20.0) == [0]
    assert ranks(20.0, 25.0) == [0, BEST]
    assert ranks(float('nan'), 25.0, 24.0) == [0, BEST, 0]


def test_who_competes():
    def row(value, section, rivals=None):
        return Row('', section, '', [Cell(value=value)], rivals)

    rows = [row(1, 'a'), row(2, 'a'), row(8, 'b'), row(9, 'b'), row(99, 'b', ''), row(99, '')]
    marked = rank_rows([Column('', '', HIGH)], rows)
    assert [r.cells[0].rank for r in marked] == [0, BEST, 0, BEST, 0, 0]


@pytest.mark.parametrize(
    ('cell', 'shown'),
    [
        (Cell(1.005), '1.00'),
        (Cell(-0.001), '0.00'),
        (Cell(0.5, signed=True), '+0.50'),
        (Cell(-0.5, signed=True), '-0.50'),
        (Cell(-0.001, signed=True), '0.00'),
        (Cell(1500.4, digits=0), '1500'),
        (Cell(0.00001, text='<0.0001'), '<0.0001'),
        (Cell(note='failed'), ''),
    ],
)
def test_what_a_cell_shows(cell, shown):
    assert cell.shown == shown


def table(rows, columns):
    heads = [Column(group, str(i)) for i, group in enumerate(columns)]
    body = [
        Row(heading, section, f'{n}', [Cell(n * 100 + i) for i in range(len(columns))])
        for n, (heading, section) in enumerate(rows)
    ]
    return Table('t', 'What it is: more. And more.', heads, body, notes=['a note'])


def test_short_tables_stay_whole():
    whole = table([('', 'a')] * 4, ['x', 'y'])
    assert page_parts(whole, 10, 5) == [whole]


def test_long_tables_are_cut_between_sections():
    parts = page_parts(table([('', 'a')] * 4 + [('', 'b')] * 4 + [('', 'c')] * 2, ['x']), 12, 9)
    # 4 + 2 and 4 + 2 lines fill the first.
    assert [[row.label for row in part.rows] for part in parts] == [list('01234567'), list('89')]
    assert [part.name for part in parts] == ['t', 't-2']
    assert parts[1].caption == 'What it is (continued).' and parts[1].continued
    assert (parts[0].notes, parts[1].notes) == (['a note'], [])


def test_sections_under_one_heading_stay_together():
    rows = [('h', 'a')] * 3 + [('i', '')] * 2 + [('i', 'b')] * 3
    parts = page_parts(table(rows, ['x']), 11, 9)
    assert [[row.heading for row in part.rows] for part in parts] == [['h'] * 3, ['i'] * 5]


def test_a_section_longer_than_a_page_is_cut():
    parts = page_parts(table([('', 'a')] * 25, ['x']), 12, 9)
    assert [len(part.rows) for part in parts] == [10, 10, 5]


def test_wide_tables_are_cut_between_groups_and_lose_nothing():
    whole = table([('', 'a')] * 2, ['x', 'x', 'y', 'y', 'y', 'z'])
    parts = page_parts(whole, 10, 4)
    assert [[c.header for c in part.columns] for part in parts] == [list('01'), list('2345')]
    assert [cell.value for cell in parts[1].rows[1].cells] == [102, 103, 104, 105]


def test_tidy_has_a_row_a_cell():
    found = table([('h', 'a')], ['x', 'y']).tidy()
    assert found[['heading', 'row', 'group', 'column', 'value']].values.tolist() == [
        ['h', '0', 'x', '0', 0],
        ['h', '0', 'y', '1', 1],
    ]
