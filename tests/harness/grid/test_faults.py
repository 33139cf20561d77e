"""What can happen to a run: the grid goes on, a rerun heals, and the numbers stay the same."""

import json
import shutil
import signal
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from harness.runs.claims import current_claim
from tests.harness.grid.launches import Launch

ITERATIONS = 60

pytestmark = pytest.mark.slow


@pytest.fixture(scope='module')
def undisturbed(write_grid, tmp_path_factory) -> pd.DataFrame:
    """What the run gives that the tests disturb."""
    launch = Launch(write_grid(tmp_path_factory.mktemp('undisturbed'), ITERATIONS)).run()
    assert launch.status.status == 'DONE', launch.output.getvalue() + launch.log()
    return launch.frames()


@pytest.fixture
def grid_file(write_grid, tmp_path) -> Path:
    return write_grid(tmp_path, ITERATIONS)


def assert_heals(grid_file, undisturbed, **kwargs) -> Launch:
    """Started again, the run ends with the numbers of the undisturbed one."""
    healed = Launch(grid_file, **kwargs).run()
    assert healed.status.status == 'DONE', healed.output.getvalue()
    pd.testing.assert_frame_equal(healed.frames(), undisturbed, check_exact=True)
    return healed


def add_hook(grid_file, body: str) -> None:
    """A hook in the run's config that does ``body`` after each iteration."""
    folder = grid_file.parent
    name = f'trouble_{abs(hash(str(folder)))}'
    (folder / f'{name}.py').write_text(
        f'import sys, time, os, pathlib\n'
        f'from mmengine.hooks import Hook\nfrom mmagic.registry import HOOKS\n'
        f'@HOOKS.register_module(force=True)\nclass Trouble(Hook):\n'
        f'    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):\n'
        f'        {body}\n'
    )
    imports = ['harness.networks', 'harness.data', 'harness.training', name]
    with (folder / 'tiny.py').open('a') as config:
        config.write(
            f'\nimport sys\nsys.path.insert(0, {str(folder)!r})\n'
            f'custom_imports = dict(imports={imports})\n'
            f"custom_hooks = [dict(type='Trouble')]\n"
        )


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2])
def test_signals_save_a_checkpoint_first(grid_file, undisturbed, number):
    launch = Launch(grid_file).start()
    launch.until_iteration(5)
    launch.signal(number)
    launch.end()
    status = launch.status
    assert status.status == 'STALE'
    name = signal.Signals(number).name
    assert status.reason.startswith(f'interrupted by {name} after iteration')
    iteration = int(status.reason.split()[-1])
    assert launch.checkpoints()[-1] == iteration < ITERATIONS
    healed = assert_heals(grid_file, undisturbed)
    assert f'resumed epoch: {iteration}' in healed.log() or f'iter: {iteration}' in healed.log()


def test_a_killed_run_is_failed_and_goes_on(grid_file, undisturbed):
    launch = Launch(grid_file, only='tiny-PI').start()  # R = 2, then R = 4
    launch.until_iteration(5)
    launch.signal(signal.SIGKILL)
    launch.end()
    first, second = (work.status() for work in launch.works)
    assert (first.status, second.status) == ('FAILED', 'DONE')
    assert first.reason == 'the process was killed by SIGKILL'
    assert launch.checkpoints()
    pd.testing.assert_frame_equal(
        pd.read_csv(launch.works[1].folder.frames_csv('moving')).drop(columns='ms'), undisturbed
    )
    healed = Launch(grid_file, only='tiny-PI-R2').run()
    assert healed.status.status == 'DONE' and 'resumed epoch' in healed.log()


def test_retries(grid_file, undisturbed):
    """A run that fails twice, as on a bad node, and works the third time."""
    marks = grid_file.parent / 'marks'
    marks.mkdir()
    add_hook(
        grid_file,
        f'marks = pathlib.Path({str(marks)!r}); n = len(list(marks.iterdir()))\n'
        '        if n < 2 and runner.iter == 20 + n:\n'
        '            (marks / str(n)).touch(); raise OSError(5, "bad node")',
    )
    launch = Launch(grid_file, max_retries=1).run()
    assert (launch.status.status, launch.status.failures) == ('FAILED', 2)
    assert '(retry 1 of 1)' in launch.output.getvalue()
    assert launch.status.reason == 'bad node'
    again = Launch(grid_file, max_retries=2).run()
    assert again.status.status == 'DONE'
    pd.testing.assert_frame_equal(again.frames(), undisturbed, check_exact=True)


def test_a_hanging_run_ends_itself(grid_file):
    add_hook(grid_file, 'time.sleep(1000 if runner.iter == 10 else 0)')
    launch = Launch(grid_file, hang_after=4).run()
    status = launch.status
    assert status.status == 'FAILED' and 'hangs: no progress for 4 s' in status.reason
    assert 'trouble_' in launch.log()  # the stack shows where


def test_a_stopped_process_is_killed(grid_file, undisturbed, monkeypatch):
    """It cannot end itself."""
    monkeypatch.setattr('harness.grid.scheduler.HEARTBEAT', 0.5)
    launch = Launch(grid_file, hang_after=4).start()
    launch.until_iteration(5)
    launch.signal(signal.SIGSTOP)
    launch.end()
    assert launch.status.status == 'FAILED' and 'no heartbeat' in launch.status.reason
    assert_heals(grid_file, undisturbed)


def test_out_of_memory(grid_file, undisturbed):
    group = Path('/sys/fs/cgroup/memory/vsr-stability-test')
    try:
        group.mkdir()
    except OSError:
        pytest.skip('no memory cgroup (v1) that could be limited')
    try:
        launch = Launch(grid_file).start()
        launch.until_iteration(5)
        (group / 'cgroup.procs').write_text(str(current_claim(launch.folder).owner.pid))
        (group / 'memory.limit_in_bytes').write_text(str(2 << 20))
        launch.end()
    finally:
        subprocess.run(['rmdir', str(group)], check=False)
    assert launch.status.status == 'FAILED'
    assert launch.status.reason.startswith('out of memory, probably: the process was killed')
    assert_heals(grid_file, undisturbed)


def test_a_full_disk(grid_file, undisturbed):
    work = grid_file.parent / 'work'
    work.mkdir()
    mount = ['mount', '-t', 'tmpfs', '-o', 'size=2m', 'none', str(work)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip('no right to mount a small disk')
    try:
        launch = Launch(grid_file).start()
        launch.until_iteration(5)
        filler = work / 'filler'
        with filler.open('wb', buffering=0) as file, pytest.raises(OSError, match='No space'):
            while True:
                file.write(bytes(1 << 12))
        launch.end()
        assert launch.status.status in ('FAILED', 'STALE')
        assert 'No space left on device' in launch.output.getvalue() + launch.log()
        filler.unlink()
        assert_heals(grid_file, undisturbed)
    finally:
        subprocess.run(['umount', '--lazy', str(work)], check=True)


def test_lost_data(write_grid, tmp_path, real_set, undisturbed):
    root = tmp_path / 'data'
    shutil.copytree(real_set.root, root)
    grid_file = write_grid(tmp_path, ITERATIONS, root)
    launch = Launch(grid_file).start()
    launch.until_iteration(5)
    root.rename(tmp_path / 'unmounted')
    launch.end()
    assert launch.status.status == 'FAILED'
    assert str(root) in launch.status.reason
    (tmp_path / 'unmounted').rename(root)
    assert_heals(grid_file, undisturbed)


def test_changed_data_is_noticed(write_grid, tmp_path, real_set):
    """Test frames that are replaced between planning and evaluation."""
    root = tmp_path / 'data'
    shutil.copytree(real_set.root, root)
    grid_file = write_grid(tmp_path, ITERATIONS, root)
    launch = Launch(grid_file, only='bicubic')
    manifest = root / 'manifest.json'
    manifest.write_text(manifest.read_text().replace(real_set.checksum, 'f' * 64))
    launch.run()
    assert launch.status.status == 'FAILED' and 'has changed since' in launch.status.reason


@pytest.mark.parametrize('damage', ['truncated', 'one bit'])
def test_a_damaged_checkpoint_falls_back_to_the_one_before(grid_file, undisturbed, damage):
    launch = Launch(grid_file).start()
    launch.until_iteration(10)
    launch.signal(signal.SIGKILL)
    launch.end()
    last = launch.folder / f'iter_{launch.checkpoints()[-1]}.pth'
    content = bytearray(last.read_bytes())
    if damage == 'truncated':
        content = content[:-1000]
    else:
        content[len(content) // 2] ^= 1
    last.write_bytes(content)
    healed = assert_heals(grid_file, undisturbed)
    assert f'{last.name}: is damaged' in healed.log()


def test_a_damaged_last_checkpoint_is_trained_again_before_it_is_evaluated(grid_file, undisturbed):
    launch = Launch(grid_file).run()
    last = launch.folder / f'iter_{ITERATIONS}.pth'
    last.write_bytes(last.read_bytes()[:-1000])
    (launch.folder / 'frames_moving.csv').unlink()
    refused = Launch(grid_file, eval_only=True).run()
    assert refused.status.status == 'FAILED'
    assert 'no finished training' in refused.status.reason
    assert_heals(grid_file, undisturbed)
    assert last.stat().st_size > 1000


def test_without_any_checkpoint_nothing_is_trained_behind_the_users_back(grid_file, undisturbed):
    launch = Launch(grid_file).run()
    for checkpoint in launch.folder.glob('iter_*.pth'):
        checkpoint.unlink()
    assert Launch(grid_file).run().status.status == 'DONE'  # nothing is missing
    (launch.folder / 'frames_moving.csv').unlink()
    again = Launch(grid_file).run()
    assert again.status.status == 'FAILED' and 'restore iter_60.pth' in again.status.reason
    assert_heals(grid_file, undisturbed, retry_failed=True)


def test_a_truncated_result_is_evaluated_again_without_training(grid_file, undisturbed):
    launch = Launch(grid_file).run()
    csv = launch.folder / 'frames_moving.csv'
    csv.write_bytes(csv.read_bytes()[:-10])
    before = {p: p.stat().st_mtime_ns for p in launch.folder.glob('iter_*.pth')}
    assert launch.status.status == 'TODO'
    assert_heals(grid_file, undisturbed, eval_only=True)
    assert {p: p.stat().st_mtime_ns for p in launch.folder.glob('iter_*.pth')} == before


def test_lost_and_damaged_records_cost_nothing(grid_file, undisturbed):
    """Of a finished run, and of one in the middle."""
    launch = Launch(grid_file).start()
    launch.until_iteration(10)
    launch.signal(signal.SIGKILL)
    launch.end()
    for name in ('status.json', 'failures.json', 'run.json', 'task.json', 'config.py'):
        (launch.folder / name).write_text('{"damaged')
    healed = assert_heals(grid_file, undisturbed)
    assert 'resumed epoch' in healed.log()
    length = len(healed.log())
    (healed.folder / 'status.json').write_text('{"damaged')
    (healed.folder / 'timing.json').unlink()
    assert_heals(grid_file, undisturbed)
    assert len(healed.log()) == length  # nothing ran


def test_two_launches_share_the_work(grid_file, undisturbed):
    """Each run is trained once, whoever begins it; both see the end of all."""
    first = Launch(grid_file, only='tiny').start()
    second = Launch(grid_file, only='tiny').start()
    first.end()
    second.end()
    assert [work.status().status for work in first.works] == ['DONE'] * 3
    outcomes = first.output.getvalue() + second.output.getvalue()
    assert outcomes.count('DONE') == 6 and outcomes.count('DONE by another command') == 3
    for work in first.works:
        assert work.folder.log.read_text().count('last checkpoint:') == 1


def test_work_of_a_killed_launch_is_taken_over(grid_file, undisturbed):
    """Another launch waits for a run that is worked on elsewhere, and goes on when that dies."""
    first = Launch(grid_file).start()
    first.until_iteration(5)
    second = Launch(grid_file).start()
    first.signal(signal.SIGTERM)
    first.end()
    second.end()
    assert second.status.status == 'DONE'
    pd.testing.assert_frame_equal(second.frames(), undisturbed, check_exact=True)


def test_evaluations_are_added_without_training(grid_file, undisturbed):
    launch = Launch(grid_file).run()
    before = {p: p.stat().st_mtime_ns for p in launch.folder.glob('iter_*.pth')}
    with grid_file.open('a') as grid:
        grid.write("metrics = ['tof']\n")
    assert Launch(grid_file).status.missing == {'moving': 'evaluated without tof'}
    added = Launch(grid_file, eval_only=True, reset_every=[None, 5, '4-norm0.01']).run()
    assert added.status.status == 'DONE'
    assert 'tof' in added.frames().columns
    assert {p: p.stat().st_mtime_ns for p in launch.folder.glob('iter_*.pth')} == before
    pd.testing.assert_frame_equal(added.frames().drop(columns='tof'), undisturbed)
    plain, reset = added.frames(), added.frames('moving@reset5')
    same = plain.frame < 5
    pd.testing.assert_frame_equal(plain[same], reset[same])
    assert (plain[~same].psnr_y != reset[~same].psnr_y).mean() > 0.9
    assert (added.folder / 'images_moving@reset5').is_dir()
    guarded = json.loads((added.folder / 'evaluations.json').read_text())['moving@reset4-norm0.01']
    for video, frames in added.frames('moving@reset4-norm0.01').groupby('video'):
        # the norm is known after 4 frames, and each frame after the next one ends over it
        assert guarded['resets'][video] == list(range(5, len(frames)))


def test_the_best_checkpoint_is_evaluated_as_well(grid_file, real_set):
    with (grid_file.parent / 'tiny.py').open('a') as config:
        config.write(
            'val_dataloader = dict(batch_size=1, num_workers=0, '
            "collate_fn=dict(type='pseudo_collate'), "
            "sampler=dict(type='DefaultSampler', shuffle=False), "
            f"dataset=dict(type='ValidationVideoDataset', data_root='{real_set.root}', "
            'max_frames=3, static_frames=3))\n'
            "val_cfg = dict(type='VideoValLoop')\nval_evaluator = dict(type='StabilityMetric')\n"
            'train_cfg.update(val_interval=20)\n'
            "default_hooks['checkpoint'].update(save_best='psnr', rule='greater')\n"
        )
    launch = Launch(grid_file).run()
    assert launch.status.status == 'DONE', launch.output.getvalue() + launch.log()[-3000:]
    assert len(list(launch.folder.glob('best_psnr_iter_*.pth'))) == 1
    assert (launch.folder / 'frames_moving@best.csv').is_file()
