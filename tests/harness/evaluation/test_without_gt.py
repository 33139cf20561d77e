"""Scoring against LR frames, where there is no ground truth."""

import numpy as np
import pandas as pd
import pytest
from mmagic.registry import MODELS
from skimage.color import rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio

from dataset_tools.__main__ import main as dataset_tools
from dataset_tools.degrade.filters import degrade
from dataset_tools.frames import encode_png, read_frame
from dataset_tools.manifest import DatasetError, VideoSet
from harness.errors import UserError
from harness.evaluation.__main__ import main
from harness.evaluation.evaluate import evaluate_set
from harness.evaluation.images import select_images
from harness.evaluation.protocols import PROTOCOLS
from harness.evaluation.references import write_references
from harness.grid.expand import expand, write_record
from harness.grid.validation import load_grid
from harness.runs.evaluations import Variant
from harness.runs.grid_json import read_grid_record


def write(folder, frames):
    folder.mkdir(parents=True)
    for number, frame in enumerate(frames):
        (folder / f'{number:08d}.png').write_bytes(encode_png(frame))
    return folder


@pytest.fixture
def frames(photographs):
    """Six HR frames 96 x 128 and noisy ones; their LR frames by ``bi``."""
    gts = [photographs[0][2 * t : 2 * t + 96, 100:228] for t in range(6)]
    rng = np.random.default_rng(0)
    srs = [np.clip(gt + rng.normal(0, 4 * t, gt.shape), 0, 255) for t, gt in enumerate(gts)]
    return [np.rint(sr).astype(np.uint8) for sr in srs], [degrade(gt, 'bi') for gt in gts]


@pytest.fixture
def lr_set(frames, tmp_path):
    write(tmp_path / 'lr' / 'clip', frames[1])
    arguments = ['folder', str(tmp_path / 'lr'), '--output', str(tmp_path / 'set')]
    assert dataset_tools(['prepare', *arguments, '--as-lr', '--kind', 'bi']) == 0
    return VideoSet.load(tmp_path / 'set')


def luma(rgb):
    return rgb2ycbcr(rgb)[..., 0]


def test_the_command_against_a_set_of_lr_frames(frames, lr_set, tmp_path, capsys):
    """A drift that needs no GT: noise grows, and what is kept of LR falls."""
    srs, lrs = frames
    pred, output = write(tmp_path / 'pred' / 'clip', srs), tmp_path / 'frames.csv'
    both = ['--lr', str(lr_set.root), '--pred', str(pred)]
    metrics = ['--metrics', 'frame_difference', 'warp_error']
    assert main(['score', *both, *metrics, '--output', str(output)]) == 0
    assert 'SR, degraded as lr_bi, against' in capsys.readouterr().out
    table = pd.read_csv(output)
    columns = ['video', 'frame', 'psnr_y', 'ssim_y', 'warp_error', 'frame_difference']
    assert list(table.columns) == columns
    assert table.psnr_y[0] == 100 and (np.diff(table.psnr_y) < 0).all()
    for t in range(1, 6):
        degraded = luma(degrade(srs[t], 'bi'))
        expected = peak_signal_noise_ratio(luma(lrs[t]), degraded, data_range=255)
        assert table.psnr_y[t] == pytest.approx(expected, abs=1e-3)
        difference = np.abs(luma(srs[t]) - luma(srs[t - 1])).mean()
        assert table.frame_difference[t] == pytest.approx(difference, abs=1e-3)
    assert table.frame_difference.isna().sum() == table.warp_error.isna().sum() == 1
    # frames that only move down by 2 pixels: warped back they agree, but for the noise

    still = np.mean((srs[1][:-2] / 255.0 - srs[0][2:] / 255.0) ** 2)
    assert table.warp_error[1] < 4 * still + 1e-3


@pytest.mark.parametrize(
    ('change', 'options', 'message'),
    [
        ('scale', [], 'SR is|LR is 32x24, SR 64x48; SR must be 4 times as large'),
        ('length', [], 'has 5 frames, .* has 6'),
        ('', ['--metrics', 'tof'], '--metrics: tof needs ground truth'),
        ('', ['--protocol', 'set5'], '--protocol: only applies to --gt'),
        ('', ['--lr-kind', 'lr_bd'], 'has no "lr_bd" frames'),
    ],
)
def test_results_that_do_not_fit(frames, lr_set, tmp_path, change, options, message):
    srs = frames[0][: 5 if change == 'length' else 6]
    srs = [sr[::2, ::2] for sr in srs] if change == 'scale' else srs
    pred = write(tmp_path / 'pred' / 'clip', srs)
    with pytest.raises(SystemExit, match=f'^error: .*({message})'):
        main(['score', '--lr', str(lr_set.root), '--pred', str(pred), *options])


def test_a_set_with_several_kinds_names_one(make_set, tmp_path):
    both = make_set()
    arguments = [str(both.root), '--output', str(tmp_path / 'both'), '--kind', 'bd', 'bi']
    assert dataset_tools(['degrade', *arguments]) == 0
    command = ['score', '--lr', str(tmp_path / 'both'), '--pred', str(both.root)]
    with pytest.raises(SystemExit, match='has lr_bd, lr_bi; choose one with --lr-kind'):
        main(command)
    main([*command, '--lr-kind', 'lr_bd', '--output', str(tmp_path / 'frames.csv')])
    assert pd.read_csv(tmp_path / 'frames.csv').psnr_y.eq(100).all()


def test_evaluation_of_a_set_without_gt(lr_set, tmp_path):
    net, path = (
        MODELS.build(dict(type='BicubicUpsampler', degradation='bi')),
        tmp_path / 'frames.csv',
    )
    with pytest.raises(DatasetError, match='has no "gt" frames'):
        evaluate_set(net, lr_set, path, 'lr_bi')
    table = evaluate_set(
        net, lr_set, path, 'lr_bi', metrics=['frame_difference'], protocol=PROTOCOLS['lr']
    )
    assert list(table.columns) == ['video', 'frame', 'psnr_y', 'ssim_y', 'frame_difference', 'ms']
    assert len(table) == 6 and table.psnr_y.between(30, 60).all()
    selection = select_images(lr_set, ['clip'], [1])
    write_references(tmp_path / 'references', lr_set, selection, 'lr_bi')
    names = sorted(p.name for p in (tmp_path / 'references' / 'clip').iterdir())
    assert names == ['00000001_bicubic.png', '00000001_lr.png', 'profile_bicubic.png']
    assert read_frame(tmp_path / 'references' / 'clip' / names[0]).shape == (96, 128, 3)


def test_in_a_grid(lr_set, grid_file, tmp_path):
    text = grid_file.read_text().replace('bicubic_bd.py', 'bicubic_bi.py')
    text = text.split('networks = dict(')[0] + (
        'networks = dict(bicubic=dict(config='
        + text.split('bicubic=dict(config=')[1].split('\n')[0]
        + f"\n)\ntest_sets = dict(real=dict(root='{lr_set.root}', label='Real'))\n"
        + "sweeps = [dict(strategies=[None])]\nmetrics = ['tof', 'frame_difference']\n"
    )
    grid_file.write_text(text)
    with pytest.raises(UserError, match="has no ground truth; protocol='lr' scores it against"):
        load_grid(str(grid_file), {})
    grid_file.write_text(text.replace("label='Real'", "label='Real', protocol='lr'"))
    grid = load_grid(str(grid_file), {})
    (evaluation,) = grid.evaluation.evaluations([Variant()])
    assert (evaluation.protocol, evaluation.metrics) == ('lr', ('frame_difference',))
    write_record(grid, expand(grid), tmp_path / 'work')
    test_set = read_grid_record(tmp_path / 'work').test_sets['real']
    assert test_set.label == 'Real (lr protocol)' and test_set.sizes == {'clip': (96, 128)}
