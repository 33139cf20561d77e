"""Each frame's score goes to the CSV."""

import threading

import cv2
import numpy as np
import pandas as pd
import pytest
import torch
from mmagic.registry import MODELS
from skimage.color import rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from dataset_tools.frames import encode_png, read_frame
from dataset_tools.manifest import DatasetError
from dataset_tools.sliding_window import make_sliding_window_set
from harness.evaluation import evaluate
from harness.evaluation.evaluate import evaluate_set
from harness.evaluation.images import ImageSaver, select_images
from harness.evaluation.metrics import psnr
from harness.evaluation.protocols import PROTOCOLS
from harness.evaluation.score import pair_videos, score
from harness.evaluation.scorer import VideoScorer

BASICVSR = dict(
    type='StatefulBasicVSRNet', mid_channels=8, num_blocks=1, flow_net=dict(type='DISFlow')
)
BICUBIC = dict(type='BicubicUpsampler')


def to_bytes(clip):
    """(T, C, H, W) in [0, 1] -> (T, H, W, C) uint8."""
    return (clip.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy()


RLSP = dict(type='RLSPNet', mid_channels=8)
BASICVSR_CONV = dict(BASICVSR, flow_net=dict(type='ConvFlowNet', channels=8))
FRVSR = dict(
    type='FRVSRNet', mid_channels=8, num_blocks=1, flow_net=dict(type='ConvFlowNet', channels=8)
)


def test_the_length_of_a_video_reaches_the_network(make_set, tmp_path):
    """Conditioning on the video's own length needs it, though the frames come one by one."""
    net = MODELS.build(dict(type='FrameConditioned', net=FRVSR, last_frame=None))
    condition, lengths = net.condition, []
    net.condition = lambda lrs, start, length: (
        lengths.append((start, length)) or condition(lrs, start, length)
    )
    evaluate_set(net, make_set(frames=3), tmp_path / 'frames.csv')
    assert lengths == [(0, 3), (1, 3), (2, 3), (0, 1), (0, 3), (1, 3), (2, 3)]


@pytest.mark.slow
@pytest.mark.parametrize('generator', [FRVSR, BASICVSR_CONV], ids=['frvsr', 'basicvsr'])
def test_what_runs_side_by_side_gives_the_same_numbers(make_set, tmp_path, monkeypatch, generator):
    net, test_set, tables = MODELS.build(generator), make_set(frames=9), []
    for beside in (False, True):
        monkeypatch.setattr(evaluate, 'runs_beside', lambda device, beside=beside: beside)
        table = evaluate_set(net, test_set, tmp_path / 'frames.csv')
        tables.append(table.drop(columns='ms'))
    # OpenCV's sums depend on where an image lies in memory
    pd.testing.assert_frame_equal(*tables, rtol=1e-12)


def test_scoring_runs_beside_the_network(make_set, tmp_path, monkeypatch):
    """The first frame is scored only when the network has begun the second one."""
    test_set, net = make_set(frames=5), MODELS.build(BICUBIC)
    super_resolve, score = net.super_resolve, VideoScorer.__call__
    calls, second = [], threading.Event()

    def counted(*args):
        calls.append(args)
        if len(calls) == 2:
            second.set()
        return super_resolve(*args)

    def waiting(*args):
        assert second.wait(60)
        return score(*args)

    monkeypatch.setattr(net, 'super_resolve', counted)
    monkeypatch.setattr(VideoScorer, '__call__', waiting)
    monkeypatch.setattr(evaluate, 'runs_beside', lambda device: True)
    assert len(evaluate_set(net, test_set, tmp_path / 'frames.csv')) == 5 + 1 + 5


def test_errors_of_the_network_and_of_frames_come_through(make_set, tmp_path, monkeypatch):
    monkeypatch.setattr(evaluate, 'runs_beside', lambda device: True)
    test_set, net = make_set(), MODELS.build(BICUBIC)
    monkeypatch.setattr(net, 'super_resolve', lambda lrs: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        evaluate_set(net, test_set, tmp_path / 'frames.csv')
    monkeypatch.undo()
    monkeypatch.setattr(evaluate, 'runs_beside', lambda device: True)
    path = test_set.frame_path('lr_bd', 'moving', 1)
    path.write_bytes(b'damaged')
    with pytest.raises(DatasetError, match=path.name):
        evaluate_set(net, test_set, tmp_path / 'frames.csv')
    assert not (tmp_path / 'frames.csv').exists()


@pytest.mark.parametrize('generator', [BICUBIC, BASICVSR], ids=['bicubic', 'basicvsr'])
def test_scores_of_every_frame(make_set, tmp_path, generator):
    """A moving video, one of a single frame, and a still whose frames are links."""
    test_set, net, calls = make_set(frames=4), MODELS.build(generator).eval(), []
    path = tmp_path / 'frames_test.csv'
    evaluate_set(net, test_set, path, on_frame=lambda: calls.append(1))
    table = pd.read_csv(path)
    assert list(table.columns) == ['video', 'frame', 'psnr_y', 'ssim_y', 'ms']
    assert len(calls) == len(table) == 4 + 1 + 4
    assert table.groupby('video', sort=False).frame.apply(list).to_dict() == {
        'moving': [0, 1, 2, 3],
        'single': [0],
        'still': [0, 1, 2, 3],
    }
    assert (table.ms > 0).all()
    for video, rows in table.groupby('video'):
        lrs = [read_frame(test_set.frame_path('lr_bd', video, t)) for t in rows.frame]
        clip = torch.from_numpy(np.stack(lrs)).permute(0, 3, 1, 2)[None] / 255
        with torch.no_grad():
            srs = to_bytes(net(clip)[0])
        for row, sr in zip(rows.itertuples(), srs, strict=True):
            gt_y = rgb2ycbcr(read_frame(test_set.frame_path('gt', video, row.frame)))[..., 0]
            sr_y = rgb2ycbcr(sr)[..., 0]
            expected = peak_signal_noise_ratio(gt_y, sr_y, data_range=255)
            assert row.psnr_y == pytest.approx(expected, abs=2e-3)
            _, values = structural_similarity(
                gt_y,
                sr_y,
                data_range=255,
                gaussian_weights=True,
                sigma=1.5,
                use_sample_covariance=False,
                full=True,
            )
            assert row.ssim_y == pytest.approx(values[5:-5, 5:-5].mean(), abs=1e-4)
    assert table.psnr_y.between(15, 60).all()


def test_masks_metrics_and_images(real_set, tmp_path):
    """The CSV is what scoring the frames themselves gives."""
    test_set = make_sliding_window_set(
        real_set.root, tmp_path / 'sliding', (20, 24), [1], 'horizontal', 4
    )[0]
    metrics, output = ['tof', 'warp_error'], tmp_path / 'run' / 'frames_set.csv'
    selection = select_images(test_set, list(test_set.videos), [0, 1, 2, 3])
    images = ImageSaver(tmp_path / 'run' / 'images_set', selection)
    evaluate_set(MODELS.build(BICUBIC), test_set, output, metrics=metrics, images=images)
    table = pd.read_csv(output)
    masks = ['psnr_inside', 'psnr_outside']
    columns = ['video', 'frame', 'psnr_y', 'ssim_y', *masks, *metrics, 'ms']
    assert list(table.columns) == columns
    assert list(table.tof.isna()) == list(table.frame == 0)
    for profile in (tmp_path / 'run').rglob('profile.png'):
        profile.unlink()
    expected = score(pair_videos(test_set.root, tmp_path / 'run' / 'images_set'), metrics=metrics)
    pd.testing.assert_frame_equal(table.drop(columns='ms'), expected, rtol=1e-6)


@pytest.mark.parametrize('generator', [BICUBIC, BASICVSR], ids=['bicubic', 'basicvsr'])
@pytest.mark.parametrize('kind', ['gt', 'lr_bd'])
def test_error_in_the_middle_leaves_no_csv(make_set, tmp_path, generator, kind):
    test_set = make_set()
    path = test_set.frame_path(kind, 'still', 0)
    path.write_bytes(b'damaged')
    output = tmp_path / 'out' / 'frames_test.csv'
    output.parent.mkdir()
    output.write_text('from an earlier evaluation\n')
    with pytest.raises(DatasetError, match='dataset_tools verify') as error:
        evaluate_set(MODELS.build(generator), test_set, output)
    assert str(path) in str(error.value)
    # what was there before is untouched, and nothing half-written lies beside it
    assert output.read_text() == 'from an earlier evaluation\n'
    assert list(output.parent.iterdir()) == [output]


@pytest.mark.parametrize('generator', [BICUBIC, FRVSR, BASICVSR], ids=lambda net: net['type'])
def test_frames_that_are_not_finite_are_counted(make_set, tmp_path, generator):
    """A single NaN or infinite pixel; a bidirectional network gives it by a sweep."""
    net, values = MODELS.build(generator), iter([np.nan, 1, np.inf, -np.inf, 1, 1, 1])
    forward = type(net).step if generator == FRVSR else None

    def spoil(sr):
        sr = sr.clone()
        sr[..., 1, 5, 7] *= next(values)
        return sr

    if forward:
        net.step = lambda *args: (lambda sr, state: (spoil(sr), state))(*forward(net, *args))
    elif generator == BICUBIC:
        upsample = net.super_resolve
        net.super_resolve = lambda lrs: spoil(upsample(lrs))
    table = evaluate_set(net, make_set(frames=3), tmp_path / 'frames.csv')
    assert table.attrs['not_finite'] == (0 if generator == BASICVSR else 3)
    assert np.isfinite(table.psnr_y).all()


def test_interrupted_evaluation_leaves_no_csv(make_set, tmp_path):
    def interrupt():
        raise KeyboardInterrupt

    output = tmp_path / 'out' / 'frames_test.csv'
    output.parent.mkdir()
    with pytest.raises(KeyboardInterrupt):
        evaluate_set(MODELS.build(BICUBIC), make_set(), output, on_frame=interrupt)
    assert not list(output.parent.iterdir())


def test_sizes_that_do_not_match(make_set, tmp_path):
    test_set = make_set()
    path = test_set.frame_path('gt', 'moving', 1)
    path.write_bytes(encode_png(cv2.imread(str(path))[:40, :60]))
    with pytest.raises(DatasetError, match='moving frame 1 is 60x40 in gt.*lr_bd.*64x48'):
        evaluate_set(MODELS.build(BICUBIC), test_set, tmp_path / 'frames.csv')
    assert not (tmp_path / 'frames.csv').exists()


def test_unknown_lr_kind(make_set, tmp_path):
    with pytest.raises(DatasetError, match='lr_bi'):
        evaluate_set(MODELS.build(BICUBIC), make_set(), tmp_path / 'a.csv', lr_kind='lr_bi')


def test_frames_below_the_ssim_window(make_set, tmp_path):
    with pytest.raises(DatasetError, match='11x11 pixels, got 8x20'):
        evaluate_set(MODELS.build(BICUBIC), make_set(height=8, width=20), tmp_path / 'a.csv')
    assert not (tmp_path / 'a.csv').exists()


def test_y_of_a_network_that_estimates_y_alone(make_set, tmp_path):
    """Scored before it becomes 8-bit RGB; the saved frames are 8 bits all the same."""
    test_set, net = make_set(frames=2), MODELS.build(RLSP).eval()
    images = ImageSaver(tmp_path / 'images', select_images(test_set, ['still'], [0]))
    paths = [test_set.frame_path(kind, 'still', 0) for kind in ('lr_bd', 'gt')]
    lr, gt = map(read_frame, paths)
    clip = torch.from_numpy(np.stack([lr, lr])).permute(0, 3, 1, 2)[None] / 255
    with torch.no_grad():
        sr = 255 * net(clip)[0, 0].permute(1, 2, 0).double().numpy()
    y = np.array([65.481, 128.553, 24.966]) / 255
    expected = psnr(gt @ y + 16, (sr @ y + 16).clip(0, 255))
    table = evaluate_set(
        net,
        test_set,
        tmp_path / 'frames.csv',
        images=images,
        protocol=PROTOCOLS['unrounded'],
    )
    found = table[(table.video == 'still') & (table.frame == 0)].psnr_y.item()
    assert found == pytest.approx(expected, abs=1e-5)
    through_rgb = PROTOCOLS['default'].score(gt, np.rint(sr.clip(0, 255)).astype(np.uint8))[0]
    assert 1e-5 < abs(found - through_rgb) < 0.05
    saved = read_frame(tmp_path / 'images' / 'still' / '00000000.png')
    assert abs(saved - sr.clip(0, 255)).max() < 0.501


def test_frames_that_a_protocol_drops(make_set, tmp_path):
    test_set, calls = make_set(frames=6), []
    net, path = MODELS.build(BICUBIC), tmp_path / 'frames.csv'
    with pytest.raises(DatasetError, match='single is too short for protocol tecogan, which drops'):
        evaluate_set(net, test_set, path, protocol=PROTOCOLS['tecogan'])
    del test_set.videos['single']
    table = evaluate_set(
        net, test_set, path, on_frame=lambda: calls.append(1), protocol=PROTOCOLS['tecogan']
    )
    assert list(table.frame) == [2, 3] * 2 and len(calls) == 12
