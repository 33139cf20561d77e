"""Layouts in which HR frames are next to others, and videos that share their names."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataset_tools.manifest import DatasetError, VideoSet
from dataset_tools.prepare.public_sets import SETS, Shape
from dataset_tools.prepare.sets import prepare
from tests.dataset_tools.prepare.conftest import H, W


def prepared(name: str, roots: list[Path], output: Path, **options) -> tuple[VideoSet, list[str]]:
    results = list(prepare(name, roots, output, **options))
    ((made, _),) = (result for result in results if not isinstance(result, str))
    return made, [result for result in results if isinstance(result, str)]


def is_hr(made: VideoSet) -> bool:
    return {video.sizes['gt'] for video in made.videos.values()} == {(H, W)}


@pytest.fixture
def vid4(small) -> tuple[str, ...]:
    names = SETS['vid4'].names
    small('vid4', shapes={name: Shape(3, H, W) for name in names})
    return names


def test_septuplets_of_vimeo(fake, tmp_path: Path, photograph, write_video):
    for folder, clips in (('00001', ['0001', '0002']), ('00002', ['0001', '0002', '0003'])):
        fake(tmp_path / 'septuplet' / 'sequences' / folder, clips, 2)
    for path in (tmp_path / 'septuplet').rglob('*.png'):
        path.rename(path.with_name(f'im{int(path.stem)}.png'))
    (tmp_path / 'septuplet' / 'sep_trainlist.txt').touch()
    made, notes = prepared('folder', [tmp_path / 'septuplet'], tmp_path / 'out')
    assert notes == [] and list(made.videos) == [
        *('00001_0001', '00001_0002', '00002_0001', '00002_0002', '00002_0003')
    ]


def test_udm10(fake, tmp_path: Path):
    names = ['archpeople', 'archwall']
    fake(tmp_path / 'UDM10', [f'{name}/truth' for name in names], 3)
    fake(tmp_path / 'UDM10', [f'{name}/blur4' for name in names], 3, size=(4, 6))
    made, notes = prepared('folder', [tmp_path / 'UDM10'], tmp_path / 'out')
    assert list(made.videos) == names and is_hr(made)
    assert notes == ['2 videos beside HR frames left out, e.g. UDM10/archpeople/blur4']


@pytest.mark.parametrize('pattern', ['{name}/{kind}', '{kind}/{name}'])
@pytest.mark.parametrize('method', ['vid4', 'folder'])
def test_vid4_with_originals_beside_others(fake, vid4, tmp_path: Path, pattern, method):
    for kind, size in (('original', (H, W)), ('input', (4, 6)), ('bicubic', (H, W - 4))):
        fake(tmp_path / 'v', [pattern.format(name=n, kind=kind) for n in vid4], 3, size)
    fake(tmp_path / 'v', [pattern.format(name=n, kind='output') for n in vid4], 2)
    made, notes = prepared(method, [tmp_path / 'v'], tmp_path / 'out')
    assert list(made.videos) == list(vid4) and is_hr(made)
    assert {video.frames for video in made.videos.values()} == {3}
    assert len(notes) == 1 and 'videos beside HR frames left out, e.g. v/' in notes[0]


def test_vid4_in_a_repository_with_stray_images(fake, vid4, tmp_path: Path, photograph):
    root = tmp_path / 'repository'
    fake(root / 'data' / 'GT', vid4, 3)
    fake(root / 'results' / 'my_method', vid4, 3)
    fake(root / 'results', ['other/output/walk'], 2)
    for stray in ('screenshots', 'docs/GT'):
        (root / stray).mkdir(parents=True)
        (root / stray / 'a.png').write_bytes(b'no frame')
    (root / 'screenshots' / 'index.ts').write_text('no video')
    made, notes = prepared('vid4', [root], tmp_path / 'out')
    assert list(made.videos) == list(vid4) and is_hr(made)
    assert made.manifest['source']['videos']['walk']['first_file'] == '00000001.png'
    assert notes == [
        '5 videos beside HR frames left out, e.g. repository/results/my_method/calendar',
        'Vid4: 3 surplus videos left out: docs, index, screenshots',
    ]


def test_set5_as_basicsr_has_it(fake, small, tmp_path: Path):
    small('set5', shapes={name: Shape(1, H, W) for name in SETS['set5'].names})
    for folder, size in (('GTmod12', (12, 12)), ('LRbicx4', (4, 6)), ('original', (H, W))):
        fake(tmp_path, [folder], 5, size)
        for number, name in enumerate(SETS['set5'].names, 1):
            (tmp_path / folder / f'{number:08d}.png').rename(tmp_path / folder / f'{name}.png')
    made, _ = prepared('set5', [tmp_path], tmp_path / 'out')
    assert tuple(made.videos) == SETS['set5'].names and is_hr(made)


def test_one_video_twice(fake, tmp_path: Path):
    """A set with known names accepts neither; other sets distinguish them."""
    for folder in ('a', 'b'):
        fake(tmp_path / 'v' / folder, ['city'], 2)
    wanted = 'called city: v/a/city and v/b/city; give only one of v/a and v/b'
    with pytest.raises(DatasetError, match=wanted):
        list(prepare('vid4', [tmp_path / 'v'], tmp_path / 'out'))
    made, _ = prepared('folder', [tmp_path / 'v'], tmp_path / 'out')
    assert list(made.videos) == ['a_city', 'b_city']
    for folder in ('GT', 'original'):
        fake(tmp_path / 'w' / 'walk', [folder], 2)
    made, _ = prepared('folder', [tmp_path / 'w'], tmp_path / 'both')
    assert list(made.videos) == ['walk_GT', 'walk_original']


def test_folders_given_by_name_are_all_taken(fake, tmp_path: Path):
    fake(tmp_path, ['original', 'mine'], 2)
    roots = [tmp_path / 'original', tmp_path / 'mine']
    made, notes = prepared('folder', roots, tmp_path / 'out')
    assert list(made.videos) == ['original', 'mine'] and notes == []


def test_folders_given_twice_are_taken_once(fake, tmp_path: Path):
    fake(tmp_path / 'v', ['a', 'b'], 2)
    roots = [tmp_path / 'v', tmp_path / 'v' / 'b', tmp_path / 'v']
    made, _ = prepared('folder', roots, tmp_path / 'out')
    assert list(made.videos) == ['a', 'b']


def test_folders_of_one_name(fake, tmp_path: Path):
    for folder in ('a', 'b'):
        fake(tmp_path / folder / 'v', ['city'], 2)
    roots = [tmp_path / folder / 'v' for folder in ('a', 'b')]
    with pytest.raises(DatasetError, match='called city: v/city and v/city; give the folder above'):
        list(prepare('folder', roots, tmp_path / 'out'))
    made, _ = prepared('folder', [tmp_path], tmp_path / 'out')
    assert list(made.videos) == ['a_v_city', 'b_v_city']
