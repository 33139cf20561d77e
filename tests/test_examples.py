"""Every example, run from outside the repository through run_grid.py to the report."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from dataset_tools.frames import encode_png, read_frame
from dataset_tools.sample.frames import photograph_path
from tests.commands import run

REPOSITORY = Path(__file__).resolve().parents[1]
EXAMPLES = REPOSITORY / 'examples'
GRIDS = sorted(path.parent.name for path in EXAMPLES.glob('*/grid.py'))


@pytest.fixture(scope='session')
def place(tmp_path_factory) -> Path:
    """A folder with the examples and the small sets that they use."""
    folder = tmp_path_factory.mktemp('examples')
    shutil.copytree(EXAMPLES, folder, dirs_exist_ok=True)
    photograph = read_frame(photograph_path('coffee.png'))
    for video in range(3):
        for frame in range(14):
            path = folder / 'frames' / f'video{video}' / f'{frame:08d}.png'
            path.parent.mkdir(parents=True, exist_ok=True)
            top, left = 40 * video + frame, 80 * video
            path.write_bytes(encode_png(photograph[top : top + 128, left : left + 160].copy()))
    for name in ('sample/train', 'sample/moving', 'mine'):
        call(folder, '-m', 'dataset_tools', 'degrade', 'frames', '--output', f'data/{name}')
    return folder


def call(folder, *command):
    variables = {'PATH': '/usr/bin:/bin', 'PYTHONPATH': str(REPOSITORY), 'OMP_NUM_THREADS': '1'}
    done = run(command, cwd=folder, env=variables)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def run_grid(place, name, *options):
    """The report's folder, and what was printed."""
    command = (str(REPOSITORY / 'harness' / 'run_grid.py'), f'{name}/grid.py')
    printed = call(place, *command, '--work-dir', f'work/{name}', *options)
    return place / 'work' / name / 'report', printed


def columns(report):
    return [pd.read_csv(path).columns for path in sorted(report.parent.glob('runs/*/frames_*.csv'))]


@pytest.mark.slow
@pytest.mark.parametrize('name', GRIDS)
def test_example(place, name):
    report, printed = run_grid(place, name)
    count = len(list(report.parent.glob('runs/*')))
    assert f'{count} runs: {count} DONE' in printed
    cells = pd.read_csv(report / 'data/results.csv', keep_default_na=False)
    assert set(cells['status']) == {'done'}
    shown = (report / 'tables/results.md').read_text()
    check = globals().get(f'check_{name}')
    if check:
        check(report, cells, shown)
    _, again = run_grid(place, name, '--dry-run')
    assert again.count('DONE') == count + 1  # the counts, too: nothing is left to do


def check_strategy(report, cells, shown):
    assert 'FRVSR-RR w/ PI + noise (R=2)' in shown
    figure = (report / 'figures/figures.tex').read_text()
    assert 'psnr' in figure.lower()


def check_metric(report, cells, shown):
    assert all('sharpness' in found for found in columns(report))
    frames = pd.read_csv(next(report.parent.glob('runs/*/frames_moving.csv')))
    assert 0 < frames['sharpness'].mean() < 1  # bicubic interpolation blurs


def check_protocol(report, cells, shown):
    assert 'Theirs (border8 protocol)' in shown
    theirs = cells[cells['network'] == 'external/theirs']
    assert (theirs['psnr_y'].astype(float) == 100).all()  # GT itself


def check_test_set(report, cells, shown):
    assert set(cells['test_set']) == {'moving', 'mine'}


def check_network(report, cells, shown):
    assert 'Mine w/ PI (R=2)' in shown
    assert {'', '5'} <= {str(value).removesuffix('.0') for value in cells['reset_every']}


def check_plain_module(report, cells, shown):
    assert 'Mine w/ RI' in shown and len(cells) == 1


def check_launcher(report, cells, shown):
    (job,) = report.parent.glob('runs/*/job.json')
    assert '"launcher": "commands"' in job.read_text()


@pytest.mark.slow
def test_clips_of_a_custom_loop_start_from_the_states_of_the_network(place):
    """PI-BPTT's definition: the states of the network after running up to the boundary."""
    check = """
import torch
from train_pi import CLIP, CROP, REPEATS, MyStepNet, PlainStepNet, Planner, VideoClipDataset
from train_pi import Videos, batches

torch.manual_seed(0)
module, data = MyStepNet(), VideoClipDataset('data/sample/train')
videos = Videos(data.lengths, data.lr_sizes, [video.name for video in data.videos])
plan = Planner(videos, CLIP, CROP, 2, 0, REPEATS, fixed_windows=True).plan(0)
checked = later = 0
for batch, (_, _, states) in zip(plan.batches, batches(PlainStepNet(module), data, plan)):
    for index, stored in zip([clip.index for clip in batch], states.forward['state']):
        state = torch.zeros_like(stored)[None]
        if index.start:
            before = data[index._replace(start=0, length=index.start)]['inputs'] / 255
            with torch.no_grad():
                for lr in before:
                    _, state = module.step(lr[None], state)
            later += 1
        torch.testing.assert_close(stored, state[0], rtol=0, atol=1e-6)
        checked += 1
print(checked, later)
"""
    module = place / 'plain_torch'
    (module / 'check.py').write_text(check)
    checked, later = map(int, call(place, 'plain_torch/check.py').split())
    assert checked >= 8 and 0 < later < checked
    losses = call(place, 'plain_torch/train_pi.py').splitlines()
    assert [line.partition(':')[0] for line in losses] == ['epoch 0', 'epoch 1', 'epoch 2']


@pytest.mark.slow
def test_a_changed_module_is_another_run(place):
    """Its code is part of a run's identity; if a metric's code changes, evaluations are repeated."""
    run_grid(place, 'strategy')
    module = place / 'strategy' / 'my_loop.py'
    module.write_text(module.read_text() + '\n# changed\n')
    _, printed = run_grid(place, 'strategy', '--dry-run')
    assert '2 runs: 0 DONE' in printed
    run_grid(place, 'metric')
    module = place / 'metric' / 'my_metric.py'
    module.write_text(module.read_text().replace('of_sr / of_gt', '2 * of_sr / of_gt'))
    _, printed = run_grid(place, 'metric', '--explain', 'bicubic')
    assert "missing   moving: the code of the grid's own metrics has changed" in printed


def test_examples_are_short():
    for path in EXAMPLES.glob('*/*.py'):
        assert len(path.read_text().splitlines()) <= 40, path
