"""Images as videos of one frame, and LR frames of the kinds that are asked for."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from dataset_tools.__main__ import main
from dataset_tools.degrade.filters import degrade
from dataset_tools.frames import encode_png
from dataset_tools.manifest import VideoSet
from dataset_tools.prepare.sets import prepare
from dataset_tools.verify import verify


@pytest.fixture
def images(tmp_path: Path, photograph) -> Path:
    """ImageNet's layout: six photographs of 48 x 64 in two classes, one that is smaller."""
    root = tmp_path / 'train'
    for number in range(6):
        path = root / f'n0{number % 2}' / f'n0{number % 2}_{number}.JPEG'
        path.parent.mkdir(parents=True, exist_ok=True)
        piece = photograph[40 * number : 40 * number + 48, :64]
        cv2.imwrite(str(path.with_suffix('.jpg')), piece)
        path.with_suffix('.jpg').rename(path)
    (root / 'n00' / 'small.png').write_bytes(encode_png(photograph[:30, :80]))
    return root


def made(results) -> VideoSet:
    (out,) = (r[0] for r in results if not isinstance(r, str))
    return out


def notes(results) -> list[str]:
    return [result for result in results if isinstance(result, str)]


def test_every_image_is_a_video(images, tmp_path: Path):
    results = list(prepare('images', [images], tmp_path / 'out'))
    out = made(results)
    assert notes(results) == [] and verify(out.root) == []
    names = ['n00_0', 'n00_2', 'n00_4', 'n01_1', 'n01_3', 'n01_5', 'small']
    assert list(out.videos) == names
    assert {video.frames for video in out.videos.values()} == {1}
    assert out.videos['small'].sizes == {'gt': (28, 80), 'lr_bd': (7, 20)}


def test_drawn_images_are_large_enough_and_the_same_every_time(images, tmp_path: Path):
    options = dict(count=4, least=48)
    results = list(prepare('images', [images], tmp_path / 'a', **options))
    chosen = list(made(results).videos)
    assert len(chosen) == 4 and chosen == sorted(chosen) and 'small' not in chosen
    assert list(made(prepare('images', [images], tmp_path / 'b', **options)).videos) == chosen
    results = list(prepare('images', [images], tmp_path / 'c', count=9, least=48))
    assert len(made(results).videos) == 6
    assert notes(results) == [
        '1 images with a side below 48 pixels left out',
        '6 images instead of 9',
    ]


def test_what_is_no_image_is_left_out_with_a_note(images, tmp_path: Path, photograph):
    damaged, deep = images / 'n00' / 'damaged.png', images / 'n01' / 'deep.png'
    damaged.write_bytes(b'x')
    cv2.imwrite(str(deep), photograph.astype(np.uint16))
    (images / 'readme.txt').write_text('x')
    results = list(prepare('images', [images], tmp_path / 'out'))
    assert len(made(results).videos) == 7
    assert sorted(note.split(': ')[1] for note in notes(results)) == [str(damaged), str(deep)]
    assert made(results).manifest['source']['differences'] == notes(results)


def test_images_by_name_and_names_that_clash(images, tmp_path: Path):
    files = [images / 'n00' / 'n00_0.JPEG', images / 'n01' / 'n01_1.JPEG']
    assert list(made(prepare('images', files, tmp_path / 'out')).videos) == ['n00_0', 'n01_1']
    other = images / 'n02' / 'n00_0.JPEG'
    other.parent.mkdir()
    other.write_bytes(files[0].read_bytes())
    out = made(prepare('images', [images], tmp_path / 'clash'))
    assert [name for name in out.videos if name.endswith('_0')] == ['n00_n00_0', 'n02_n00_0']


def test_photographs_are_upright_in_the_set(tmp_path: Path, photograph, read_video):
    exif = Image.Exif()
    exif[0x0112] = 8
    path = tmp_path / 'photo.png'
    Image.fromarray(photograph[:48, :64]).save(path, exif=exif.tobytes())
    out = made(prepare('images', [path], tmp_path / 'out'))
    assert out.videos['photo'].sizes == {'gt': (64, 48), 'lr_bd': (16, 12)}
    assert np.array_equal(read_video(out.root, 'gt', 'photo')[0], np.rot90(photograph[:48, :64]))


@pytest.mark.parametrize('kinds', [['bi'], ['bi', 'bd', 'bi']], ids=str)
def test_kinds_of_lr_frames(images, tmp_path: Path, read_video, kinds, capsys):
    output = tmp_path / 'out'
    call = ['prepare', 'images', str(images), '--output', str(output), '--count', '2']
    assert main([*call, '--kind', *kinds]) == 0
    out = VideoSet.load(output)
    wanted = [f'lr_{kind}' for kind in sorted(set(kinds))]
    assert list(out.kinds) == ['gt', *wanted] and verify(output) == []
    for name in out.videos:
        (gt,) = read_video(output, 'gt', name)
        for kind in wanted:
            (lr,) = read_video(output, kind, name)
            assert np.array_equal(lr, degrade(gt, kind))
    # the same call finds it, another kind is another set
    assert main([*call, '--kind', *kinds]) == 0
    assert main(call) == 2
    assert 'different kinds entry' in capsys.readouterr().err
