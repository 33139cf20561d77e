"""What a grid file says of metrics, saved frames and other people's results."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from harness.errors import UserError
from harness.grid.expand import expand, write_record
from harness.grid.validation import load_grid
from harness.runs.files import load_json
from harness.runs.records_zip import unpack_records
from tests.commands import RUN_GRID, run_grid


def grid_of(grid_file, text):
    grid_file.write_text(grid_file.read_text() + text)
    return load_grid(str(grid_file), {})


def test_defaults(grid_file):
    settings = load_grid(str(grid_file), {}).evaluation
    assert settings.metrics == () and settings.external == {}
    assert list(settings.test_sets) == ['moving']
    assert {v: chosen.frames for v, chosen in settings.images['moving'].items()} == {
        'coffee': (0, 10, 19),
        'astronaut': (0, 11, 21),
    }


def test_entries(grid_file, tmp_path):
    grid = grid_of(
        grid_file,
        f"""
metrics = ['tof', 'warp_error']
save_frames = dict(moving=dict(videos=['chelsea'], frames=[5, -1], crop=(0, 8, 32, 64)))
external_results = dict(
    mrvsr=dict(
        label='MRVSR', results=dict(moving='{tmp_path}'), protocol='mrvsr', paper='MRVSR'
    ),
    other=dict(results=dict(moving='{tmp_path}')),
)
""",
    )
    settings = grid.evaluation
    assert settings.metrics == ('tof', 'warp_error')
    assert settings.images['moving'] == {'chelsea': (24, (5, 23), (0, 8, 32, 64), 48)}
    assert settings.external['mrvsr'] == ('MRVSR', {'moving': Path(tmp_path)}, 'mrvsr', 'MRVSR')
    assert settings.external['other'] == ('other', {'moving': Path(tmp_path)}, None, None)
    names = dict(mrvsr=dict(label='MRVSR', paper='MRVSR'), other=dict(label='other'))
    write_record(grid, expand(grid), tmp_path)
    assert load_json(tmp_path / 'grid.json')['external'] == names


def test_they_are_no_part_of_a_run_s_identity(grid_file):
    before = [run.run_id for run in expand(load_grid(str(grid_file), {}))]
    grid = grid_of(grid_file, "metrics = ['tof']\nsave_frames = dict(moving=dict(frames=[1]))\n")
    assert [run.run_id for run in expand(grid)] == before


@pytest.mark.parametrize(
    'text, problem',
    [
        ("metrics = ['tof', 'fvd']", "metrics: unknown metric 'fvd'; there are psnr_y"),
        (
            'save_frames = dict(static={})',
            "save_frames.static: no test set 'static'; there",
        ),
        ('save_frames = dict(moving=dict(crops=1))', "save_frames.moving: unknown 'crops'; there"),
        (
            'save_frames = dict(moving=dict(frames=[99]))',
            'save_frames.moving: there is no frame 99 in coff',
        ),
        (
            "test_sets['moving']['protocol'] = 'matlab'",
            "test_sets.moving: unknown protocol 'matlab'; there are default, unrounded, basicsr",
        ),
        ("train_sets['real']['protocol'] = 'set5'", 'train_sets.real.protocol: unknown'),
        ('external_results = dict(a=dict(label="A"))', 'external_results.a: has no results'),
        (
            'external_results = dict(a=dict(results=dict(moving="absent/x")))',
            'external_results.a: absent/x: no such file or folder',
        ),
        (
            'external_results = dict(a=dict(results=dict(static=".")))',
            "external_results.a: no test set 'static'",
        ),
        (
            'external_results = dict(a=dict(results=dict(moving="."), protocol="best"))',
            "external_results.a: unknown protocol 'best'; there are default, unrounded",
        ),
    ],
)
def test_problems_are_named_before_anything_starts(grid_file, text, problem):
    with pytest.raises(UserError) as error:
        grid_of(grid_file, text)
    assert problem in str(error.value)


def test_lpips_without_weights(grid_file, tmp_path, monkeypatch):
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    with pytest.raises(UserError, match='metrics: lpips needs .*alexnet'):
        grid_of(grid_file, "metrics = ['lpips']")


@pytest.mark.slow
def test_a_grid_with_metrics_images_and_external_results(grid_file, real_set, tmp_path):
    """The results from elsewhere are GT itself; the only run is bicubic interpolation.

    A second test set is the first one scored by another protocol.
    """
    text = f"""
test_sets['cut'] = dict(root='{real_set.root}', label='Cut', protocol='tecogan')
metrics = ['tof']
save_frames = dict(moving=dict(videos=['coffee'], frames=[3]))
external_results = dict(perfect=dict(label='GT', results=dict(moving='{real_set.root}/gt')))
"""
    grid_file.write_text(grid_file.read_text() + text)
    work_dir = tmp_path / 'work'
    command = [grid_file, '--work-dir', work_dir]
    run_grid(*command, '--only', 'bicubic').check_returncode()
    external = pd.read_csv(work_dir / 'external' / 'perfect' / 'frames_moving.csv')
    assert len(external) == 66 and external.psnr_y.eq(100).all()
    (run,) = work_dir.glob('runs/bicubic-*')
    frames = pd.read_csv(run / 'frames_moving.csv')
    assert list(frames.columns) == ['video', 'frame', 'psnr_y', 'ssim_y', 'tof', 'ms']
    assert frames.tof.sum() > external.tof.sum() == 0
    cut = pd.read_csv(run / 'frames_cut.csv')
    assert cut.groupby('video').frame.agg(['min', 'max']).loc['coffee'].to_list() == [2, 17]
    saved = (run / 'images_moving', work_dir / 'references' / 'moving')
    names = [sorted(path.name for path in folder.glob('coffee/*')) for folder in saved]
    assert names[0] == ['00000003.png', 'profile.png']
    assert [name for name in names[1] if name.startswith('0')] == [
        f'00000003_{kind}.png' for kind in ('bicubic', 'gt', 'lr')
    ]

    run_grid(*command, '--export', tmp_path / 'records.zip').check_returncode()
    unpack_records(tmp_path / 'records.zip', tmp_path / 'there')
    for path in (run / 'frames_cut.csv', work_dir / 'external' / 'perfect' / 'frames_moving.csv'):
        copy = tmp_path / 'there' / path.relative_to(work_dir)
        assert copy.read_bytes() == path.read_bytes()

    before = {p: p.stat().st_mtime_ns for p in work_dir.rglob('*.csv') if 'report' not in str(p)}
    again = subprocess.run(
        [sys.executable, '-X', 'importtime', RUN_GRID, *command, '--report-only'],
        capture_output=True,
        text=True,
        check=True,
    )
    modules = {line.rsplit('|', 1)[-1].strip() for line in again.stderr.splitlines()}
    assert not modules & {'torch', 'mmagic'}
    assert {path: path.stat().st_mtime_ns for path in before} == before
    results = pd.read_csv(work_dir / 'report/data/results.csv').set_index('test_set')
    bicubic = results[results.network == 'bicubic'].psnr_y
    assert bicubic.cut == pytest.approx(cut.groupby('video').psnr_y.mean().mean(), abs=1e-3)
    assert abs(bicubic.cut - bicubic.moving) > 0.01
    table = (work_dir / 'report/tables/results.md').read_text()
    assert 'Cut (tecogan protocol)' in table and 'names a protocol' in table
