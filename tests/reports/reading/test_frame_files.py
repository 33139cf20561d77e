"""Scores of frames: which files are accepted, and which are rejected with a reason."""

import pytest

from harness.runs.files import InvalidFile
from reports.reading.frame_files import FRAME_COLUMNS, TAKEN_COLUMNS, read_frames
from reports.results import load_grid

HEAD = 'video,frame,psnr_y,ssim_y,ms'


def written(tmp_path, *rows, head=HEAD):
    path = tmp_path / 'frames_a.csv'
    path.write_text('\n'.join([head, *rows]) + '\n', encoding='utf-8')
    return path


@pytest.mark.parametrize('video', ['NA', 'null', 'nan', 'None', '', '000', '1e5', 'N/A', '=1'])
def test_names_are_read_as_they_are(tmp_path, video):
    frames = read_frames(written(tmp_path, f'{video},0,30,0.9,5'), {video: 1})
    assert list(frames['video']) == [video]


def test_control_characters_in_names_are_cleaned_like_those_of_the_grid(tmp_path):
    frames = read_frames(written(tmp_path, 'a\x07b,0,30,0.9,5'), {'a\ufffdb': 1})
    assert list(frames['video']) == ['a\ufffdb']


def test_a_byte_order_mark(tmp_path):
    path = written(tmp_path, 'v,0,30,0.9,5', head='\ufeff' + HEAD)
    assert read_frames(path, {'v': 1})['psnr_y'].tolist() == [30.0]


@pytest.mark.parametrize(
    ('row', 'reason'),
    [
        ('v,0,77000000,0.9,5', 'psnr_y of v, frame 0 cannot be 77000000'),
        ('v,0,100.01,0.9,5', 'psnr_y of v, frame 0 cannot be 100.01'),
        ('v,0,-0.5,0.9,5', 'psnr_y of v, frame 0 cannot be -0.5'),
        ('v,0,inf,0.9,5', 'psnr_y of v, frame 0 cannot be inf'),
        ('v,0,30,9.9,5', 'ssim_y of v, frame 0 cannot be 9.9'),
        ('v,0,30,-1.1,5', 'ssim_y of v, frame 0 cannot be -1.1'),
        ('v,0,30,0.9,-5', 'ms of v, frame 0 cannot be -5'),
        ('v,0,,0.9,5', 'score of v, frame 0 is not finite'),
        ('v,0,3O.1,0.9,5', 'score of v, frame 0 is not finite'),
        ('v,0.5,30,0.9,5', 'v does not hold frames 0 to 0 once'),
        ('v,zero,30,0.9,5', 'v does not hold frames 0 to 0 once'),
        ('w,0,30,0.9,5', 'unexpected video w'),
    ],
)
def test_impossible_numbers_are_refused(tmp_path, row, reason):
    with pytest.raises(InvalidFile, match=reason):
        read_frames(written(tmp_path, row), {'v': 1})


@pytest.mark.parametrize('psnr, ssim', [(0, -1), (100, 1), (30, 1.0000001)])
def test_the_ends_of_what_is_possible(tmp_path, psnr, ssim):
    frames = read_frames(written(tmp_path, f'v,0,{psnr},{ssim},0'), {'v': 1})
    assert frames['psnr_y'].tolist() == [psnr]


def test_a_letter_among_numbers_is_no_missing_number(tmp_path):
    rows = ['v,0,30,0.9,5,', 'v,1,3O,0.9,5,0.1']
    with pytest.raises(InvalidFile, match='psnr_y of v, frame 1 cannot be 3O'):
        read_frames(written(tmp_path, *rows, head=f'{HEAD},tof'), {'v': 2})
    rows = ['v,0,30,0.9,5,', 'v,1,30,0.9,5,0.1', 'v,2,30,0.9,5,0.l']
    with pytest.raises(InvalidFile, match='tof of v, frame 2 cannot be 0.l'):
        read_frames(written(tmp_path, *rows, head=f'{HEAD},tof'), {'v': 3})
    frames = read_frames(written(tmp_path, *rows[:2], head=f'{HEAD},tof'), {'v': 2})
    assert frames['tof'].isna().tolist() == [True, False]


def test_columns_of_odd_names(tmp_path):
    head = f'{HEAD},my score (a|b),class,\x1b[1mx\x07'
    frames = read_frames(written(tmp_path, 'v,0,30,0.9,5,1,2,3', head=head), {'v': 1})
    assert list(frames) == [*FRAME_COLUMNS, 'my score (a|b)', 'class', 'x\ufffd']


def test_columns_that_would_be_mixed_up_with_ours(tmp_path, small):
    grid = load_grid(small.work_dir)
    tables = (grid.runs, grid.trials, grid.videos, grid.evaluations, grid.cells)
    kept = {'kind', 'protocol', 'folder', 'suffix', 'device'}  # are in no table of frames
    timing = {'parameters', 'threads', 'train_seconds', 'inference_ms'}
    timing |= {name for name in grid.runs if name.endswith('_ms') or name.startswith('ms_')}
    ours = {name for table in tables for name in table} - {*FRAME_COLUMNS, *kept, *timing}
    assert {name for name in ours if not name.endswith('_std')} <= TAKEN_COLUMNS
    for name in (*TAKEN_COLUMNS, 'psnr_y_std'):
        path = written(tmp_path, 'v,0,30,0.9,5,1', head=f'{HEAD},{name}')
        with pytest.raises(InvalidFile, match=f'column {name} has a name that reports use'):
            read_frames(path, {'v': 1})
    path = written(tmp_path, 'v,0,30,0.9,5,1,2', head=f'{HEAD},a\x01,a\x02')
    with pytest.raises(InvalidFile, match='appears more than once'):
        read_frames(path, {'v': 1})


@pytest.mark.parametrize('content', [b'', b'\xff\xfe\x00', b'video\n"', b'a,b\n1,2,3,4\n'])
def test_no_csv_at_all(tmp_path, content):
    path = tmp_path / 'frames_a.csv'
    path.write_bytes(content)
    with pytest.raises(InvalidFile, match=r'frames_a\.csv'):
        read_frames(path, {'v': 1})
