"""Scoring of frames on disk, as other people's code leaves them, and the command for it."""

import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from dataset_tools.frames import encode_png, read_frame
from dataset_tools.manifest import DatasetError
from dataset_tools.pack.writer import make_packed_set
from dataset_tools.sliding_window import make_sliding_window_set
from dataset_tools.video import decode_video
from harness.errors import UserError
from harness.evaluation.__main__ import main
from harness.evaluation.metrics import rgb_to_y
from harness.evaluation.protocols import PROTOCOLS
from harness.evaluation.score import (
    compare_protocols,
    count_frames,
    pair_videos,
    score,
    video_means,
)
from tests.videos import write_file

REPOSITORY = Path(__file__).resolve().parents[3]


def score_paths(gt, pred, name='default', **kwargs):
    return score(pair_videos(gt, pred), PROTOCOLS[name], **kwargs)


def changed(frame, seed):
    noise = np.random.default_rng(seed).normal(0, 9, frame.shape)
    return np.clip(np.rint(frame + noise), 0, 255).astype(np.uint8)


def write(folder, frames, pattern='{:08d}.png', first=0):
    folder.mkdir(parents=True)
    for number, frame in enumerate(frames, first):
        (folder / pattern.format(number)).write_bytes(encode_png(frame))
    return folder


def assert_scores(row, name, gt, sr):
    """To the last digits, which may change with where frames are in memory."""
    expected = PROTOCOLS[name].score(gt, sr)
    assert (row.psnr_y, row.ssim_y) == pytest.approx(expected, abs=1e-6)


@pytest.fixture(scope='session')
def clip(photographs):
    """Eight frames, 120 x 168, and eight results."""
    gts = [photographs[0][4 * t : 4 * t + 120, 100 + 4 * t : 268 + 4 * t] for t in range(8)]
    return gts, [changed(gt, t) for t, gt in enumerate(gts)]


@pytest.fixture
def set_and_results(real_set, tmp_path):
    """A set of three videos and a folder with results for each."""
    results = {}
    for name, video in real_set.videos.items():
        paths = [real_set.frame_path('gt', name, t) for t in range(video.frames)]
        results[name] = [changed(read_frame(path), t) for t, path in enumerate(paths)]
        write(tmp_path / 'pred' / name, results[name])
    return real_set, tmp_path / 'pred', results


def test_a_set_against_a_folder_of_videos(set_and_results):
    test_set, pred, results = set_and_results
    calls = []
    pairs = pair_videos(test_set.root, pred)
    table = score(pairs, on_frame=lambda: calls.append(1))
    assert list(table.columns) == ['video', 'frame', 'psnr_y', 'ssim_y']
    assert len(table) == len(calls) == count_frames(pairs) == 66
    for name, video in test_set.videos.items():
        rows = table[table.video == name]
        assert list(rows.frame) == list(range(video.frames))
        for row in rows.itertuples():
            gt = read_frame(test_set.frame_path('gt', name, row.frame))
            assert_scores(row, 'default', gt, results[name][row.frame])
    means = video_means(table)
    assert list(means.index) == [*test_set.videos, 'mean']
    assert means.loc['mean', 'frames'] == 66
    assert means.loc['mean', 'psnr_y'] == pytest.approx(means.psnr_y[:3].mean())
    assert means.loc['mean', 'psnr_y'] != pytest.approx(table.psnr_y.mean(), abs=1e-6)


@pytest.mark.slow
def test_packed_sets_and_gt_folders_are_the_same(set_and_results, tmp_path):
    test_set, pred, _ = set_and_results
    expected = score_paths(test_set.root, pred)
    packed = make_packed_set(test_set.root, tmp_path / 'packed')[0].root
    for gt in (packed, test_set.root / 'gt'):
        found = score_paths(gt, pred).sort_values(['video', 'frame'], ignore_index=True)
        wanted = expected.sort_values(['video', 'frame'], ignore_index=True)
        pd.testing.assert_frame_equal(found, wanted)


@pytest.mark.parametrize(
    'pattern, first',
    [
        ('{:08d}.png', 0),
        ('im{}.png', 1),
        ('output_{:04d}.png', 17),
        ('{:08d}_BasicVSR_REDS4.png', 0),
        ('frame{}x4_net.png', 5),
    ],
)
def test_names_of_frames(clip, tmp_path, pattern, first):
    gts, srs = clip
    gt, pred = write(tmp_path / 'gt', gts), write(tmp_path / 'pred', srs, pattern, first)
    (pred / 'psnrs.pkl').write_bytes(b'what else lies there')
    table = score_paths(gt, pred)
    assert list(table.video) == ['gt'] * 8 and list(table.frame) == list(range(8))
    for row in table.itertuples():
        assert_scores(row, 'default', gts[row.frame], srs[row.frame])


def test_video_files(clip, tmp_path):
    gts, srs = clip
    gt, pred = write_file(tmp_path / 'gt.mkv', gts), write_file(tmp_path / 'pred.mkv', srs)
    assert all((a == b).all() for a, b in zip(decode_video(gt), gts, strict=True))
    expected = score_paths(write(tmp_path / 'frames', gts), write(tmp_path / 'results', srs))
    pairs = pair_videos(gt, pred)
    assert count_frames(pairs) is None
    pd.testing.assert_frame_equal(score(pairs), expected.assign(video='gt'))
    for name in ('tecogan', 'mrvsr'):
        expected = score_paths(tmp_path / 'frames', tmp_path / 'results', name)
        pd.testing.assert_frame_equal(score_paths(gt, pred, name), expected.assign(video='gt'))
    folder = tmp_path / 'videos'
    folder.mkdir()
    shutil.copy(gt, folder / 'a.mkv')
    shutil.copytree(tmp_path / 'frames', folder / 'b')
    shutil.copytree(folder, tmp_path / 'pred_videos')
    assert score_paths(folder, tmp_path / 'pred_videos').psnr_y.eq(100).all()


def test_single_images_by_name(photographs, tmp_path):
    """Set5 and its like: images of different sizes, each for itself."""
    gts = dict(cup=photographs[0][:80, :92], face=photographs[1][40:101, 100:177])
    for folder, images in (('gt', gts), ('pred', {n: changed(f, 0) for n, f in gts.items()})):
        (tmp_path / folder).mkdir()
        for name, image in images.items():
            (tmp_path / folder / f'{name}.png').write_bytes(encode_png(image))
    table = score_paths(tmp_path / 'gt', tmp_path / 'pred', 'set5')
    assert list(table.video) == ['cup', 'face']
    for row in table.itertuples():
        assert_scores(row, 'set5', gts[row.video], changed(gts[row.video], 0))


def test_grey_images(clip, tmp_path):
    """Grey on both sides is a grey video; on one side it is probably Y."""
    grey = [[cv2.cvtColor(f, cv2.COLOR_RGB2GRAY) for f in frames] for frames in clip]
    gt, pred = (write(tmp_path / name, f) for name, f in zip(('gt', 'pred'), grey, strict=True))
    table = score_paths(gt, pred)
    assert_scores(table.iloc[3], 'default', *(np.stack([f[3]] * 3, axis=2) for f in grey))
    write(tmp_path / 'colour', clip[0])
    with pytest.raises(UserError, match='frame 0: SR is grey .* protocol mrvsr'):
        score_paths(tmp_path / 'colour', pred)


@pytest.mark.parametrize('first', [0, 1, 100])
def test_frames_of_the_same_number_are_compared(clip, tmp_path, first):
    """GT numbered from ``first``, SR without the two frames that the protocol drops."""
    gts, _ = clip
    gt = write(tmp_path / 'gt', gts, first=first)
    pred = write(tmp_path / 'pred', gts[2:-2], first=first + 2)
    table = score_paths(gt, pred, 'tecogan')
    assert list(table.frame) == [2, 3, 4, 5] and (table.psnr_y == 100).all()


@pytest.mark.slow
def test_a_video_called_mean(clip, tmp_path):
    gts, srs = clip
    for name in ('mean', 'other'):
        write(tmp_path / 'gt' / name, gts)
        write(tmp_path / 'pred' / name, srs)
    table = compare_protocols(pair_videos(tmp_path / 'gt', tmp_path / 'pred'))
    assert table.loc['default', 'frames'] == 16


@pytest.mark.parametrize('name, drop', [('default', 0), ('tecogan', 2), ('mrvsr', 3)])
def test_frames_that_a_protocol_drops(clip, tmp_path, name, drop):
    gts, srs = clip
    pairs = pair_videos(write(tmp_path / 'gt', gts), write(tmp_path / 'pred', srs))
    table = score(pairs, PROTOCOLS[name], metrics=['tof'])
    kept = list(range(drop, 8 - drop))
    assert list(table.frame) == kept
    assert count_frames(pairs, PROTOCOLS[name]) == len(kept)
    for row in table.itertuples():
        assert_scores(row, name, gts[row.frame], srs[row.frame])
    assert list(table.tof.isna()) == [True] + [False] * (len(kept) - 1)


def test_results_as_mrvsr_saves_them(clip, tmp_path):
    """Y of the frames but the first and last, numbered as in GT and cut to a multiple of 32."""
    gts, srs = clip
    region = PROTOCOLS['mrvsr'].frame(*gts[0].shape[:2])
    saved = [np.rint(rgb_to_y(sr)[region]).astype(np.uint8) for sr in srs[1:-1]]
    gt, pred = write(tmp_path / 'gt', gts), write(tmp_path / 'pred', saved, 'im_{}.png', 1)
    (pred / 'psnrs.pkl').write_bytes(b'')
    table = score_paths(gt, pred, 'mrvsr')
    assert list(table.frame) == [3, 4]
    for row in table.itertuples():
        assert_scores(row, 'mrvsr', gts[row.frame], srs[row.frame])
    with pytest.raises(UserError, match='pred: has 6 frames, .*gt has 8'):
        score_paths(gt, pred)
    # frames that are needed must be there
    for number in (4, 5, 6):
        (pred / f'im_{number}.png').unlink()
    with pytest.raises(UserError, match='pred: has 3 frames, .*gt has 8'):
        score_paths(gt, pred, 'mrvsr')


def test_masks_of_a_set(real_set, tmp_path):
    window = make_sliding_window_set(
        real_set.root, tmp_path / 'sliding', (20, 24), [1], 'horizontal', 3
    )[0]
    for name in window.videos:
        frames = [read_frame(window.frame_path('gt', name, t)) for t in range(3)]
        write(tmp_path / 'pred' / name, [changed(f, t) for t, f in enumerate(frames)])
    table = score_paths(window.root, tmp_path / 'pred')
    assert list(table.columns)[2:] == ['psnr_y', 'ssim_y', 'psnr_inside', 'psnr_outside']
    mask = read_frame(window.frame_path('mask', 'coffee_s1', 1))[..., 0] > 0
    gt = read_frame(window.frame_path('gt', 'coffee_s1', 1))
    error = (rgb_to_y(changed(gt, 1)) - rgb_to_y(gt))[mask]
    row = table[(table.video == 'coffee_s1') & (table.frame == 1)].iloc[0]
    assert 0.1 < mask.mean() < 0.95
    assert row.psnr_inside == pytest.approx(10 * np.log10(255**2 / (error**2).mean()), abs=1e-4)


def test_names_of_videos_must_match(set_and_results):
    test_set, pred, _ = set_and_results
    (pred / 'coffee').rename(pred / 'tea')
    with pytest.raises(UserError, match='pred: no video coffee; there are .*tea'):
        pair_videos(test_set.root, pred)
    (pred / 'tea').rename(pred / 'coffee')
    shutil.copytree(pred / 'coffee', pred / 'tea')
    with pytest.raises(UserError, match='no video tea; there are coffee'):
        pair_videos(test_set.root, pred)


def test_numbers_of_frames_must_match(clip, tmp_path):
    gts, srs = clip
    gt, pred = write(tmp_path / 'gt', gts), write(tmp_path / 'pred', srs[:7])
    with pytest.raises(UserError, match='pred: has 7 frames, .*gt has 8'):
        score_paths(gt, pred)
    video = write_file(tmp_path / 'pred.mkv', srs[:5])
    with pytest.raises(UserError, match='pred.mkv: ends after 5 frames, .*gt is longer'):
        score_paths(gt, video)
    with pytest.raises(UserError, match='gt.mkv: ends after 4 frames, .*pred is longer'):
        score_paths(write_file(tmp_path / 'gt.mkv', gts[:4]), pred)
    (pred / '00000003.png').unlink()
    with pytest.raises(DatasetError, match='pred: gap in numbering, no frame 3 between 0 and 6'):
        score_paths(gt, pred)


def test_sizes_must_match(clip, tmp_path):
    gts, srs = clip
    small = [*srs[:5], *(sr[:-4] for sr in srs[5:])]
    gt, pred = write(tmp_path / 'gt', gts), write(tmp_path / 'pred', small)
    with pytest.raises(UserError, match='pred: frame 5: GT is 168x120, SR 168x116'):
        score_paths(gt, pred)


@pytest.mark.parametrize(
    'make, message',
    [
        (lambda p: p / 'absent', 'absent: no such file or folder'),
        (lambda p: p, 'no frames here; expected images'),
        (lambda p: write(p / 'two', [np.zeros((16, 16, 3), np.uint8)] * 2, 'a{0}b{0}.jpg'), None),
    ],
)
def test_places_without_frames(tmp_path, make, message):
    (tmp_path / 'notes.txt').write_text('')
    place = make(tmp_path)
    if message:
        with pytest.raises(UserError, match=message):
            pair_videos(place, place)
    else:
        assert len(score_paths(place, place)) == 2


def test_the_same_number_twice(clip, tmp_path):
    folder = write(tmp_path / 'gt', clip[0])
    (folder / '0.png').write_bytes((folder / '00000000.png').read_bytes())
    with pytest.raises(DatasetError, match='00000000.png: same frame number as 0.png'):
        pair_videos(folder, folder)


def test_names_that_end_in_a_scale_or_a_method(clip, tmp_path):
    """The results of other people's code, beside GT that is numbered plainly."""
    gt = write(tmp_path / 'gt', clip[0])
    plain = score_paths(gt, write(tmp_path / 'plain', clip[1]))
    for pattern in ('{:08d}_x4.png', '000_{:03d}_sr.png'):
        renamed = score_paths(gt, write(tmp_path / pattern, clip[1], pattern))
        assert list(renamed.psnr_y) == list(plain.psnr_y)


def test_a_matrix_that_was_assumed_is_told(clip, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr('dataset_tools.video._HD_HEIGHT', 120)
    path = write_file(tmp_path / 'a.mp4', clip[0])
    pair_videos(path, path)
    assert f'{path}: is HD without a colour matrix; BT.601 is assumed' in caplog.messages[0]


def test_damaged_frames(clip, tmp_path):
    gt, pred = write(tmp_path / 'gt', clip[0]), write(tmp_path / 'pred', clip[1])
    (pred / '00000002.png').write_bytes(b'no image')
    with pytest.raises(DatasetError, match='00000002.png: not an image'):
        score_paths(gt, pred)


def test_videos_too_short_for_a_protocol(clip, tmp_path):
    gt = write(tmp_path / 'gt', clip[0][:4])
    with pytest.raises(UserError, match='gt: too short for protocol tecogan, which drops 2'):
        score_paths(gt, gt, 'tecogan')


def test_comparison_of_protocols(clip, tmp_path):
    gts, srs = clip
    pairs = pair_videos(write(tmp_path / 'gt', gts[:6]), write(tmp_path / 'pred', srs[:6]))
    table = compare_protocols(pairs)
    with_gt = [name for name in PROTOCOLS if name != 'lr']
    assert list(table.index) == with_gt
    assert table.frames.to_dict() == dict.fromkeys(with_gt, 6) | dict(
        tecogan=2, mrvsr=0, mrvsr_vid4=2
    )
    for name in ('default', 'tecogan', 'set5'):
        means = video_means(score(pairs, PROTOCOLS[name])).loc['mean']
        assert table.psnr_y[name] == pytest.approx(means.psnr_y, abs=1e-6)
        assert table.ssim_y[name] == pytest.approx(means.ssim_y, abs=1e-6)
    assert 'too short' in table.reason['mrvsr'] and np.isnan(table.psnr_y['mrvsr'])
    pairs = pair_videos(tmp_path / 'gt', write(tmp_path / 'small', [sr[8:] for sr in srs[:6]]))
    with pytest.raises(UserError, match='GT is 168x120, SR 168x112'):
        compare_protocols(pairs)


def test_the_command(clip, tmp_path, capsys):
    gt, pred = write(tmp_path / 'gt', clip[0]), write(tmp_path / 'pred', clip[1])
    output = tmp_path / 'new' / 'frames.csv'
    both = ['--gt', str(gt), '--pred', str(pred)]
    extra = ['--protocol', 'tecogan', '--metrics', 'tof', '--output', str(output)]
    assert main(['score', *both, *extra]) == 0
    table = pd.read_csv(output)
    assert list(table.columns) == ['video', 'frame', 'psnr_y', 'ssim_y', 'tof']
    assert list(table.frame) == [2, 3, 4, 5]
    shown = capsys.readouterr().out
    assert f'{table.psnr_y.mean():.5g}' in shown and f'{output}: 4 frames' in shown
    assert main(['compare-protocols', *both]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == [name for name in PROTOCOLS if name != 'lr']
    with pytest.raises(SystemExit, match='^error: .*absent: no such file or folder$'):
        main(['score', '--gt', str(gt), '--pred', str(tmp_path / 'absent')])


@pytest.mark.slow
def test_the_command_imports_no_torch(clip, tmp_path):
    folder = write(tmp_path / 'gt', clip[0])
    command = [sys.executable, '-X', 'importtime', '-m', 'harness.evaluation']
    paths = ['--gt', str(folder), '--pred', str(folder)]
    heavy = {'torch', 'mmagic', 'mmcv'}
    for arguments, absent in (
        (['score', '--help'], heavy | {'pandas', 'mmengine'}),
        (['score', *paths, '--metrics', 'tof', 'warp_error'], heavy),
        (['compare-protocols', *paths], heavy),
    ):
        done = subprocess.run(
            [*command, *arguments], capture_output=True, text=True, cwd=REPOSITORY, check=True
        )
        modules = {line.rsplit('|', 1)[-1].strip() for line in done.stderr.splitlines()}
        assert 'numpy' in modules and not modules & absent
        assert 'mrvsr_vid4' in done.stdout or 'gt ' in done.stdout
