"""Trainings on a GPU: banks at each place, resume, two processes, workers forked afterwards."""

import pytest
import torch

from harness.training.run import train
from tests.commands import run_grid
from tests.harness.training.trainings import (
    PI,
    RI,
    TBPTT,
    Seen,
    StopAt,
    train_in_two_processes,
    weights_of,
)

pytestmark = [pytest.mark.gpu, pytest.mark.slow]


def assert_close(first, second):
    """GPUs add up in no fixed order."""
    for name, x in first.items():
        torch.testing.assert_close(x, second[name], rtol=1e-3, atol=1e-4, msg=name)


def test_banks_at_each_place_give_the_same(make_cfg):
    weights = {
        place: weights_of(train(make_cfg(PI, 6, place, bank=dict(place=place))))
        for place in ('device', 'cpu', 'disk')
    }
    assert_close(weights['cpu'], weights['device'])
    assert_close(weights['disk'], weights['device'])


@pytest.mark.parametrize('loop', [RI, PI, TBPTT], ids=['RI', 'PI', 'TBPTT'])
def test_resume(make_cfg, loop):
    straight, seen = weights_of(train(make_cfg(loop, 8, 'straight'))), Seen()
    with pytest.raises(KeyboardInterrupt):
        train(make_cfg(loop, 8, 'cut'), [StopAt(7)])
    cfg = make_cfg(loop, 8, 'cut')
    cfg.resume = True
    resumed = weights_of(train(cfg, [seen]))
    assert seen.loop.device.type == 'cuda' and len(seen.batches) == 2
    assert_close(resumed, straight)


def test_two_processes(make_cfg, tmp_path):
    if torch.cuda.device_count() < 2:
        pytest.skip('needs two GPUs')
    for process in train_in_two_processes(make_cfg(PI, 4, 'ddp', windows_per_video=2), tmp_path):
        assert process.returncode == 0, process.stderr[-3000:]


def test_workers_forked_after_the_gpu_was_used(write_grid, tmp_path):
    torch.zeros(1, device='cuda')
    done = run_grid(write_grid(tmp_path), '--work-dir', tmp_path / 'work', '--only', 'PI-R2')
    assert done.returncode == 0, done.stdout + done.stderr
