"""The workbook, read back."""

import openpyxl
import pandas as pd
import pytest
from openpyxl.styles import Font

from reports.differences import differences
from reports.excel.rows import append_rows
from reports.excel.workbook import write_workbook
from reports.outputs import Outputs
from reports.paper import compare
from reports.results import load_grid
from reports.tables.standard import all_tables

SHEETS = ['Summary', 'Stability', 'Timing', 'R trade-off', 'Charts', 'Curves', 'Per video']
SHEETS += ['Per frame', 'Paper comparison', 'All differences', 'Evaluations', 'Runs']


def workbook(fake):
    grid = load_grid(fake.save())
    path = fake.work_dir / 'results.xlsx'
    write_workbook(grid, all_tables(grid, Outputs()), compare(grid), differences(grid), path)
    return openpyxl.load_workbook(path)


def records(sheet):
    """The rows of a sheet by its header."""
    head, *rows = sheet.iter_rows()
    names = [cell.value for cell in head]
    return [dict(zip(names, row, strict=True)) for row in rows]


@pytest.mark.slow
def test_sheets(small):
    book = workbook(small)
    assert book.sheetnames == SHEETS
    assert all(sheet.freeze_panes for sheet in book)
    for sheet in book:
        widths = [dimension.width for dimension in sheet.column_dimensions.values()]
        assert all(9 <= width <= 48 for width in widths)
    assert book['Per frame'].auto_filter.ref == 'A1:C231'


@pytest.mark.slow
def test_summary(small):
    rows = {row['Method'].value: row for row in records(workbook(small)['Summary'])}
    ri, best = rows['NET w/ RI'], rows['NET w/ PI (R=8)']
    assert ri['Static PSNR'].value == pytest.approx(19.0)
    assert ri['Static PSNR'].number_format == '0.00'
    assert ri['Static PSNR std'].value == pytest.approx(2**0.5)
    assert ri['Static SSIM'].number_format == '0.000'
    assert ri['Static last 50'].value == pytest.approx(17.0)
    colours = {name: row['Static last 50'].font.color for name, row in rows.items()}
    assert colours['NET w/ PI (R=8)'].rgb.endswith('C00000')
    assert colours['NET w/ PI (R=2)'].rgb.endswith('1F4EAD')
    assert best['Static last 50'].font.name == Font(name='Calibri').name


@pytest.mark.slow
def test_missing_cells_and_missing_seeds(small):
    small.run('net', 'PI', repeats=8, seed=1)
    small.status(small.run('net', 'PI', repeats=32), 'FAILED', 'boom')
    rows = {row['Method'].value: row for row in records(workbook(small)['Summary'])}
    partial = rows['NET w/ PI (R=8)']['Static PSNR']
    assert (partial.value, partial.number_format) == (25.0, '0.00" (1/2)"')
    failed = rows['NET w/ PI (R=32)']['Static PSNR']
    assert failed.value == 'failed' and failed.font.italic


@pytest.mark.slow
def test_per_frame_has_a_column_a_run(small):
    sheet = workbook(small)['Per frame']
    assert (sheet.max_row, sheet.max_column) == (1 + 230, 3 + 4)
    rows = records(sheet)
    assert [cell.value for cell in rows[0].values()][:3] == ['moving', '000', 0]
    last = rows[-1]
    assert (last['test_set'].value, last['video'].value, last['frame'].value) == (
        'static',
        'still',
        199,
    )
    assert last['net-RI-RNone-sample-s1'].value == 18.0
    assert {row['net-RI-RNone-sample-s1'].number_format for row in rows} == {'0.00'}


@pytest.mark.slow
def test_per_video_and_evaluations_name_the_run(small):
    book = workbook(small)
    rows = records(book['Per video'])
    assert len(rows) == 3 * 4
    still = next(
        row
        for row in rows
        if row['video'].value == 'still' and row['trial_id'].value == 'net-RI-RNone-sample-s0'
    )
    assert still['drift'].value == -4.0 and still['drift'].number_format.startswith('+0.00')
    assert still['diverged'].value is True and still['divergence_frame'].value == 100
    evaluation = records(book['Evaluations'])[0]
    assert evaluation['file'].value == 'runs/net-RI-RNone-sample-s0/frames_moving.csv'


@pytest.mark.slow
def test_comparison_formats_by_metric(small):
    rows = records(workbook(small)['Paper comparison'])
    formats = {row['metric'].value: row['value'].number_format for row in rows}
    assert formats['ssim_y'] == '0.000' and formats['psnr_y_db'] == '0.00'
    assert formats['training_ms_per_iteration'] == '0'


@pytest.mark.slow
def test_charts(small):
    """One chart a test set, a line a method, over the frames of that set."""
    small.done(small.run('bicubic'), lambda _, t: 21.0)
    book = workbook(small)
    charts = book['Charts']._charts
    assert len(charts) == 2
    static = charts[1]
    assert [line.tx.v for line in static.series] == ['BICUBIC', 'RI', 'PI (R=2)', 'PI (R=8)']
    assert static.y_axis.scaling.min == 16 and static.y_axis.scaling.max == 26
    curves = book['Curves']
    for line in static.series:
        column = line.val.numRef.f.split('!')[1]
        cells = [cell for (cell,) in curves[column.replace('$', '')]]
        assert len(cells) == 200
        head = curves.cell(1, cells[0].column).value
        assert head.startswith('Static, ') and line.tx.v in head
    colours = {line.graphicalProperties.line.solidFill.srgbClr for line in static.series}
    assert len(colours) == 4
    ri = [cell.value for (cell,) in curves['G2:G201']]
    assert curves['G1'].value == 'Static, NET w/ RI'
    assert ri == [21.0] * 100 + [17.0] * 100


def test_a_grid_without_finished_runs(fake):
    fake.test_set('static', 'Static', v=120)
    fake.run('net', 'RI')
    book = workbook(fake)
    assert book['Per frame'].max_row == 1 and book['Charts']._charts == []
    assert records(book['Summary'])[0]['Static PSNR'].value == 'missing'


def test_appended_rows_are_like_those_of_openpyxl(tmp_path):
    frame = pd.DataFrame(
        {
            'name': ['a', 'b & <c>', 'd'],
            'count': [1, 2, 3],
            'value': [0.5, float('nan'), -1e-7],
        }
    )
    book = openpyxl.Workbook()
    book.create_sheet('Other').append(['text'])
    sheet = book.active
    sheet.append(list(frame.columns))
    sheet.append(frame.iloc[0].tolist())
    sheet['C2'].number_format = '0.00'
    book.save(tmp_path / 'small.xlsx')
    append_rows(tmp_path / 'small.xlsx', tmp_path / 'large.xlsx', 1, frame)
    found = openpyxl.load_workbook(tmp_path / 'large.xlsx')
    values = [[cell.value for cell in row] for row in found.active.iter_rows(min_row=2)]
    assert values == [['a', 1, 0.5], ['b & <c>', 2, None], ['d', 3, -1e-7]]
    assert found.active['C4'].number_format == '0.00' and found.active.dimensions == 'A1:C4'
    assert found['Other']['A1'].value == 'text'
