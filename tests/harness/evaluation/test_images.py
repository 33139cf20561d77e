"""Saved SR frames and what they are shown beside."""

import json
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest
import torch
from mmagic.registry import MODELS

from dataset_tools.degrade.filters import degrade
from dataset_tools.frames import read_frame
from dataset_tools.manifest import DatasetError
from dataset_tools.sliding_window import make_sliding_window_set
from dataset_tools.static import static
from dataset_tools.writer import build_set
from harness.evaluation.bicubic import bicubic
from harness.evaluation.images import Crop, ImageSaver, select_images
from harness.evaluation.references import write_references


def files(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob('*') if p.is_file())


def test_default_selection(make_set, real_set):
    assert select_images(make_set(frames=5)) == {
        'moving': (5, (0, 2, 4), (0, 0, 48, 64), 24),
        'single': (1, (0,), (0, 0, 48, 64), 24),
    }
    assert list(select_images(real_set)) == ['coffee', 'astronaut']


def test_large_frames_are_cropped(tmp_path, photographs):
    large = np.tile(photographs[0], (2, 2, 1))[:720, :1180]
    videos = [('tall', static(large, 2)), ('narrow', static(large[:, :300], 2))]
    test_set = build_set(
        tmp_path / 'large', tool='t', parameters={}, source=None, total=4, videos=videos
    )[0]
    selection = select_images(test_set)
    assert selection['tall'].crop == (104, 332, 512, 512)
    assert selection['narrow'].crop == (104, 0, 512, 300)


def test_chosen_selection(real_set):
    selection = select_images(
        real_set, videos=['chelsea'], frames=[-1, 3, 23, 0], crop=(8, 16, 32, 40), row=5
    )
    assert selection == {'chelsea': (24, (0, 3, 23), (8, 16, 32, 40), 5)}


@pytest.mark.parametrize(
    'chosen, message',
    [
        (dict(videos=['tea']), "no video 'tea'; there are coffee, astronaut, chelsea"),
        (dict(frames=[0, 20]), 'no frame 20 in coffee, which has 20'),
        (dict(frames=[-21]), 'no frame -21 in coffee'),
        (dict(crop=(0, 0, 30, 40)), 'each a multiple of 4'),
        (dict(crop=(0, 0, 32)), 'must be top, left, height, width'),
        (dict(crop=(0, 0, 0, 32)), 'must be top, left, height, width'),
        (dict(crop=(-4, 0, 32, 32)), 'must be top, left, height, width'),
        (dict(crop=(0, 100, 32, 32)), 'outside the 128x96 frames of coffee'),
        (dict(row=96), 'row 96 is outside the 128x96 frames of coffee'),
    ],
)
def test_selections_that_are_not_in_the_set(real_set, chosen, message):
    with pytest.raises(ValueError, match=message):
        select_images(real_set, **chosen)


def test_chosen_frames_are_saved(real_set, tmp_path):
    selection = select_images(real_set, ['coffee', 'chelsea'], [0, 2, -1], (8, 16, 32, 40), 30)
    saver = ImageSaver(tmp_path / 'images', selection)
    frames = {}
    for name, video in real_set.videos.items():
        frames[name] = [read_frame(real_set.frame_path('gt', name, t)) for t in range(video.frames)]
        for number, frame in enumerate(frames[name]):
            saver.add(name, number, frame)
    last = {'coffee': 19, 'chelsea': 23}
    assert files(tmp_path / 'images') == sorted(
        f'{name}/{stem}.png'
        for name in last
        for stem in ('00000000', '00000002', f'{last[name]:08d}', 'profile')
    )
    for name in last:
        saved = read_frame(tmp_path / 'images' / name / '00000002.png')
        assert (saved == frames[name][2][8:40, 16:56]).all()
        profile = read_frame(tmp_path / 'images' / name / 'profile.png')
        assert (profile == np.stack([frame[30] for frame in frames[name]])).all()


def test_references(real_set, tmp_path):
    folder = tmp_path / 'references' / 'moving'
    selection = select_images(real_set, ['astronaut'], [5], (8, 16, 32, 40), 30)
    write_references(folder, real_set, selection)
    names = ['00000005_bicubic', '00000005_gt', '00000005_lr', 'profile_bicubic', 'profile_gt']
    assert files(folder) == [*(f'astronaut/{name}.png' for name in names), 'images.json']
    found = {name: read_frame(folder / 'astronaut' / f'{name}.png') for name in names}
    gts, lrs = (
        [read_frame(real_set.frame_path(kind, 'astronaut', t)) for t in range(22)]
        for kind in ('gt', 'lr_bd')
    )
    assert (found['00000005_gt'] == gts[5][8:40, 16:56]).all()
    assert (found['00000005_lr'] == lrs[5][2:10, 4:14]).all()
    assert (found['profile_gt'] == np.stack([gt[30] for gt in gts])).all()
    clip = torch.from_numpy(np.stack(lrs)).permute(0, 3, 1, 2)[None] / 255
    srs = MODELS.build(dict(type='BicubicUpsampler'))(clip)[0].clamp(0, 1).permute(0, 2, 3, 1)
    srs = (srs * 255).numpy()
    assert np.abs(found['00000005_bicubic'] - srs[5, 8:40, 16:56]).max() < 0.51
    assert np.abs(found['profile_bicubic'] - srs[:, 30]).max() < 0.51
    content = json.loads((folder / 'images.json').read_text())
    assert content['images'] == [
        dict(video='astronaut', frame=5, crop=[8, 16, 32, 40], size=[96, 128])
    ]
    assert content['profiles'] == [dict(video='astronaut', row=30, frames=22)]


def test_references_of_a_set_with_masks(make_set, tmp_path):
    source = make_set(frames=1)
    sliding, _ = make_sliding_window_set(
        source.root, tmp_path / 'sliding', (8, 10), [1], 'diagonal', 4
    )
    name = next(iter(sliding.videos))
    crop = Crop(4, 8, 20, 24)
    write_references(tmp_path / 'references', sliding, select_images(sliding, [name], [3], crop))
    mask = cv2.imread(str(tmp_path / f'references/{name}/00000003_mask.png'), cv2.IMREAD_UNCHANGED)
    whole = read_frame(sliding.frame_path('mask', name, 3))[..., 0]
    assert mask.shape == (20, 24) and 0 < (mask > 0).mean() < 1
    assert (mask == whole[4:24, 8:32]).all()


def test_references_are_written_once_for_a_selection(real_set, tmp_path):
    folder = tmp_path / 'moving'
    write_references(folder, real_set, select_images(real_set, ['coffee'], [5]))
    before = {path: path.stat().st_mtime_ns for path in folder.rglob('*')}
    write_references(folder, real_set, select_images(real_set, ['coffee'], [5]))
    assert {path: path.stat().st_mtime_ns for path in folder.rglob('*')} == before
    write_references(folder, real_set, select_images(real_set, ['coffee'], [6]))
    names = ['00000006_bicubic', '00000006_gt', '00000006_lr', 'profile_bicubic', 'profile_gt']
    assert files(folder) == [*(f'coffee/{name}.png' for name in names), 'images.json']


@pytest.mark.slow
def test_several_commands_write_references_at_once(real_set, tmp_path):
    """As on a fresh work directory; none fails, and one whole folder is left."""
    script = f"""
import sys
from pathlib import Path
from dataset_tools.manifest import VideoSet
from harness.evaluation.images import select_images
from harness.evaluation.references import write_references
test_set = VideoSet.load({str(real_set.root)!r})
selection = select_images(test_set, ['coffee'], [0, 2])
while not Path({str(tmp_path / 'go')!r}).exists():
    pass
for _ in range(5):
    write_references(Path({str(tmp_path / 'references' / 'set')!r}), test_set, selection)
"""
    command = [sys.executable, '-c', script]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    time.sleep(3)  # they import
    (tmp_path / 'go').touch()
    ends = [process.communicate(timeout=100)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, ends
    assert [path.name for path in (tmp_path / 'references').iterdir()] == ['set']
    assert len(files(tmp_path / 'references' / 'set')) == 2 * 3 + 2 + 1


def test_interrupted_references_are_written_again(make_set, tmp_path):
    test_set, folder = make_set(), tmp_path / 'references'
    path = test_set.frame_path('lr_bd', 'single', 0)
    intact = path.read_bytes()
    path.write_bytes(b'damaged')
    with pytest.raises(DatasetError, match=path.name):
        write_references(folder, test_set, select_images(test_set))
    assert not (folder / 'images.json').exists()
    path.write_bytes(intact)
    write_references(folder, test_set, select_images(test_set))
    assert (folder / 'images.json').exists()


def test_bicubic_interpolation_keeps_lr_pixels(photographs):
    """LR pixel i is HR pixel 4i."""
    lr = degrade(photographs[0][:96, :128], 'bd')
    assert (bicubic(lr, Crop(0, 0, 96, 128))[::4, ::4] == lr).all()
