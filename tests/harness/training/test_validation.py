"""Validation while training: moving and static videos, metrics, the best checkpoint."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from harness.data import ValidationVideoDataset
from harness.errors import UserError
from harness.evaluation.inference import super_resolve
from harness.evaluation.metrics import psnr, rgb_to_y
from harness.training.run import train
from harness.training.validation import StabilityMetric
from tests.harness.training.trainings import BASICVSR, PI, RI, Seen

STATIC_FRAMES = 5


@pytest.fixture
def with_validation(make_cfg, real_set):
    """A config that validates every 2 iterations and keeps the best checkpoint."""

    def make(loop, max_iters, **kwargs):
        cfg = make_cfg(loop, max_iters, val_interval=2, **kwargs)
        cfg.val_dataloader = dict(
            batch_size=1,
            num_workers=0,
            sampler=dict(type='DefaultSampler', shuffle=False),
            collate_fn=dict(type='pseudo_collate'),
            dataset=dict(
                type='ValidationVideoDataset',
                data_root=str(real_set.root),
                max_frames=6,
                static_frames=STATIC_FRAMES,
            ),
        )
        cfg.val_cfg = dict(type='VideoValLoop')
        cfg.val_evaluator = dict(type='StabilityMetric')
        cfg.default_hooks.checkpoint.save_best = 'psnr'
        cfg.default_hooks.checkpoint.rule = 'greater'
        return cfg

    return make


def test_videos(real_set):
    dataset = ValidationVideoDataset(str(real_set.root), max_frames=6, static_frames=5)
    videos = [dataset[i]['video'] for i in range(len(dataset))]
    assert [(v.name, v.kind, v.frames) for v in videos[:2]] == [
        ('coffee', 'moving', 6),
        ('coffee', 'static', 5),
    ]
    moving, static = (list(video.read('gt')) for video in videos[:2])
    assert len(moving) == 6 and len(static) == 5
    assert all(np.array_equal(frame, moving[0]) for frame in static)
    assert not np.array_equal(moving[0], moving[5])


@pytest.mark.slow
def test_scores_are_those_of_whole_videos(with_validation, real_set):
    cfg, seen = with_validation(PI, 4), Seen()
    train(cfg, [seen])
    folder = Path(cfg.work_dir)
    assert sorted(p.name for p in (folder / 'validation').iterdir()) == ['iter_2.csv', 'iter_4.csv']
    table = pd.read_csv(folder / 'validation/iter_4.csv')
    assert len(table) == 3 * (6 + STATIC_FRAMES)
    net = seen.loop.model.generator
    video = ValidationVideoDataset(str(real_set.root), static_frames=STATIC_FRAMES)[1]['video']
    frames = super_resolve(net, list(video.read('lr_bd')), 'cpu')
    scores = [
        psnr(rgb_to_y(gt), rgb_to_y(sr.rgb))
        for gt, sr in zip(video.read('gt'), frames, strict=True)
    ]
    mine = table[(table.video == 'coffee') & (table.kind == 'static')]
    assert mine.frame.tolist() == list(range(STATIC_FRAMES))
    assert np.allclose(mine.psnr_y, scores, atol=1e-3)


def test_best_checkpoint_is_by_the_mean_of_both(with_validation):
    cfg = with_validation(RI, 6)
    train(cfg)
    folder = Path(cfg.work_dir)
    means = {}
    for iteration in (2, 4, 6):
        table = pd.read_csv(folder / f'validation/iter_{iteration}.csv')
        per_video = table.groupby(['kind', 'video']).psnr_y.mean()
        means[iteration] = per_video.groupby('kind').mean().mean()
    best = max(means, key=means.get)
    assert [p.name for p in folder.glob('best_*')] == [f'best_psnr_iter_{best}.pth']


@pytest.mark.slow
def test_going_on_elsewhere_deletes_nothing_there(with_validation):
    """The checkpoint names the best one so far, which MMEngine deletes when there is a better."""
    cfg = with_validation(RI, 2, interval=2)
    path = train(cfg)
    checkpoint = torch.load(path)
    info = checkpoint['message_hub']['runtime_info']
    assert info['best_ckpt'] == str(path.with_name('best_psnr_iter_2.pth'))
    info['best_score'] = 0.0
    torch.save(checkpoint, path)
    cfg = with_validation(RI, 4, interval=2, folder='elsewhere')
    cfg.resume, cfg.load_from = True, str(path)
    train(cfg)
    assert path.with_name('best_psnr_iter_2.pth').is_file()
    assert list(Path(cfg.work_dir).glob('best_*'))


def test_metric():
    metric = StabilityMetric()
    metric.process(None, [dict(kind='moving', video='a', psnr_y=[20.0, 30.0])])
    metric.process(None, [dict(kind='moving', video='b', psnr_y=[35.0])])
    metric.process(None, [dict(kind='static', video='a', psnr_y=[10.0] * 7)])
    assert metric.evaluate(3) == dict(psnr_moving=30, psnr_static=10, psnr=20)


@pytest.mark.slow
def test_validation_changes_no_weights(make_cfg, with_validation):
    plain = torch.load(train(make_cfg(PI, 5, 'plain')), weights_only=False)['state_dict']
    cfg = with_validation(PI, 5)
    cfg.custom_hooks = [
        dict(type='StateDiagnosticsHook', interval=2, crop_size=16, frames=3),
        dict(type='StalenessHook', interval=2),
    ]
    watched = torch.load(train(cfg), weights_only=False)['state_dict']
    assert all(torch.equal(plain[key], watched[key]) for key in plain)


@pytest.mark.slow
@pytest.mark.parametrize('generator', [None, BASICVSR], ids=['frvsr', 'basicvsr'])
def test_diagnostics(with_validation, generator):
    cfg = with_validation(PI, 6, generator=generator)
    cfg.custom_hooks = [
        dict(type='StateDiagnosticsHook', interval=4, crop_size=16, frames=3),
        dict(type='StalenessHook', interval=1),
    ]
    train(cfg)
    folder = Path(cfg.work_dir)
    table = pd.read_csv(folder / 'states/iter_4.csv')
    directions = {'forward', 'backward'} if generator else {'forward'}
    assert set(table.direction) == directions
    norms = table[table.quantity == 'norm']
    assert len(norms) == len(directions) * 3 * (6 + 1 + STATIC_FRAMES + 1)
    # the first forward state is the initial one
    assert (norms[(norms.boundary == 0) & (norms.direction == 'forward')].value == 0).all()
    growth = table[table.quantity == 'growth']
    assert set(growth.frames) == {1, 2, 3}
    assert (growth.value > 0).all()
    # epochs begin at iterations 0 and 4: states are as old as their epoch
    ages = {i: set(pd.read_csv(folder / f'staleness/iter_{i}.csv').age) for i in range(1, 7)}
    assert ages == {1: {1}, 2: {2}, 3: {3}, 4: {4}, 5: {1}, 6: {2}}
    assert (pd.read_csv(folder / 'staleness/iter_4.csv').distance > 0).all()


def test_states_stay_fresh_without_learning(with_validation):
    cfg = with_validation(PI, 3)
    cfg.custom_hooks = [dict(type='StalenessHook', interval=3)]
    cfg.optim_wrapper.optimizer.lr = 0
    cfg.param_scheduler = []
    train(cfg)
    table = pd.read_csv(Path(cfg.work_dir) / 'staleness/iter_3.csv')
    assert len(table) > 3
    assert (table.distance < 1e-5).all()


def test_staleness_is_nothing_without_stored_states(with_validation):
    cfg = with_validation(RI, 2)
    cfg.custom_hooks = [dict(type='StalenessHook', interval=1)]
    train(cfg)
    assert not (Path(cfg.work_dir) / 'staleness').exists()


def test_diagnostics_at_intervals_need_validation_videos(make_cfg):
    cfg = make_cfg(RI, 2)
    cfg.custom_hooks = [dict(type='StateDiagnosticsHook', interval=1)]
    with pytest.raises(UserError, match='set val_dataloader'):
        train(cfg)
