"""Public sets from small fakes of their download layouts."""

from __future__ import annotations

import shutil
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from dataset_tools.__main__ import main
from dataset_tools.frames import encode_png
from dataset_tools.manifest import DatasetError, VideoSet
from dataset_tools.prepare.public_sets import SETS, Shape
from dataset_tools.prepare.sets import prepare
from dataset_tools.verify import verify
from tests.dataset_tools.prepare.conftest import H, W


def made(results) -> dict[str, VideoSet]:
    return {r[0].root.name: r[0] for r in results if not isinstance(r, str)}


def notes(results) -> list[str]:
    return [result for result in results if isinstance(result, str)]


def vid4(fake, small, root: Path) -> Path:
    names = SETS['vid4'].names
    small('vid4', shapes={name: Shape(3, H, W) for name in names})
    fake(root / 'GT', names, 3)
    fake(root / 'BIx4', names, 3, size=(4, 6))
    return root


@pytest.mark.parametrize('packing', ['folder', 'zip', 'tar.gz'])
def test_vid4_from_folder_and_archives(fake, small, tmp_path: Path, read_video, packing):
    given = vid4(fake, small, tmp_path / 'Vid4')
    if packing == 'zip':
        given = Path(shutil.make_archive(str(tmp_path / 'v'), 'zip', tmp_path, 'Vid4'))
    elif packing == 'tar.gz':
        given = Path(shutil.make_archive(str(tmp_path / 'v'), 'gztar', tmp_path, 'Vid4'))
    before = set(tmp_path.iterdir())
    results = list(prepare('vid4', [given], tmp_path / 'out'))
    out = made(results)['out']
    assert notes(results) == [] and list(out.videos) == ['calendar', 'city', 'foliage', 'walk']
    assert out.videos['walk'].sizes == {'gt': (H, W), 'lr_bd': (4, 6)} and verify(out.root) == []
    assert out.manifest['source']['differences'] == []
    assert len(read_video(out.root, 'gt', 'city')) == 3
    assert set(tmp_path.iterdir()) - before == {out.root}
    assert not list(prepare('vid4', [given], tmp_path / 'out'))[0][1]


def test_vid4_as_the_real_tables_have_it(fake, tmp_path: Path):
    fake(tmp_path / 'v', ['calendar', 'walk', 'party'], 2)
    with pytest.raises(DatasetError) as caught:
        list(prepare('vid4', [tmp_path / 'v'], tmp_path / 'out'))
    message = str(caught.value)
    assert 'Vid4: missing 2 of 4 videos: city, foliage' in message
    assert 'Vid4: calendar has 2 frames instead of 41' in message
    assert 'Vid4: walk is 24x16 instead of 720x480' in message
    assert '--allow-partial' in message and not (tmp_path / 'out').exists()
    results = list(prepare('vid4', [tmp_path / 'v'], tmp_path / 'out', allow_partial=True))
    assert 'Vid4: 1 surplus videos left out: party' in notes(results)
    out = made(results)['out']
    assert list(out.videos) == ['calendar', 'walk']
    assert out.manifest['source']['differences'] == notes(results)


def reds(fake, small, root: Path) -> None:
    for key in ('reds/train', 'reds/reds4', 'reds/redsval4'):
        small(key, frames=(2, 2))
    fake(root / 'train' / 'train_sharp', [f'{i:03d}' for i in range(240)], 2, first=0)
    fake(root / 'train' / 'train_sharp_bicubic' / 'X4', ['000'], 2, size=(4, 6))
    fake(root / 'val' / 'val_sharp', [f'{i:03d}' for i in range(30)], 2, first=0)


@pytest.mark.slow
def test_reds_is_split_as_the_paper_does(fake, small, tmp_path: Path):
    reds(fake, small, tmp_path / 'REDS')
    results = list(prepare('reds', [tmp_path / 'REDS'], tmp_path / 'reds', static_copies=True))
    sets = made(results)
    assert notes(results) == [] and list(sets) == ['train', 'reds4', 'redsval4']
    assert len(sets['train'].videos) == 236 and '011' not in sets['train'].videos
    assert list(sets['reds4'].videos) == ['000', '011', '015', '020']
    assert list(sets['redsval4'].videos) == [
        *('000', '001', '006', '017'),
        *('000_static', '001_static', '006_static', '017_static'),
    ]
    still = sets['redsval4'].manifest['videos']['006_static']['gt']['sha256']
    assert still == [sets['redsval4'].manifest['videos']['006']['gt']['sha256'][0]] * 2


@pytest.mark.slow
def test_reds_partly(fake, small, tmp_path: Path):
    reds(fake, small, tmp_path)
    sharp = tmp_path / 'train' / 'train_sharp'
    fake(sharp, ['240', '241', '242'], 2)
    shutil.rmtree(sharp / '005')
    call = ['prepare', 'reds', str(sharp), '--output', str(tmp_path / 'reds')]
    with pytest.raises(DatasetError, match='REDStrain: missing 1 of 236 videos: 005; REDSval4: mi'):
        list(prepare('reds', [sharp], tmp_path / 'reds'))
    assert main(call) == 2 and not (tmp_path / 'reds').exists()
    results = list(prepare('reds', [sharp], tmp_path / 'reds', allow_partial=True))
    assert list(made(results)) == ['train', 'reds4']
    assert 'REDStrain: 3 surplus videos left out: 240-242' in notes(results)
    assert 'REDSval4: missing 4 of 4 videos: 000, 001, 006, 017' in notes(results)


@pytest.mark.slow
def test_reds_archives_named_after_their_folder(fake, small, tmp_path: Path):
    reds(fake, small, tmp_path / 'REDS')
    archives = [
        Path(shutil.make_archive(str(tmp_path / name), 'zip', tmp_path / 'REDS' / split / name))
        for split, name in (('train', 'train_sharp'), ('val', 'val_sharp'))
    ]
    early = list(prepare('reds', archives[:1], tmp_path / 'reds', allow_partial=True))
    assert list(made(early)) == ['train', 'reds4']
    results = list(prepare('reds', archives, tmp_path / 'reds', jobs=1, static_copies=True))
    assert [(r[0].root.name, r[1]) for r in results] == [
        ('train', False),
        ('reds4', False),
        ('redsval4', True),
    ]
    assert made(results)['redsval4'].manifest['source']['given'] == ['val_sharp']


def test_quasi_static_and_spmcs(fake, small, tmp_path: Path):
    small('quasi-static', frames=(2, 5))
    fake(tmp_path / 'QuasiStaticVideoSet', [f'sequence{i}' for i in (1, 2, 3, 4)], 4)
    out = made(prepare('quasi-static', [tmp_path / 'QuasiStaticVideoSet'], tmp_path / 'q'))['q']
    assert list(out.videos) == [f'Sequence{i}' for i in (1, 2, 3, 4)]
    small('spmcs', frames=(3, 3))
    fake(tmp_path / 'SPMCS', [f'{name}/truth' for name in SETS['spmcs'].names], 3)
    fake(tmp_path / 'SPMCS', [f'{name}/input4' for name in SETS['spmcs'].names], 3, (4, 6))
    out = made(prepare('spmcs', [tmp_path / 'SPMCS'], tmp_path / 's'))['s']
    assert tuple(out.videos) == SETS['spmcs'].names


@pytest.mark.parametrize('pattern', ['{name}.png', '{name}_GT.png', 'img_00{number}_SRF_4_HR.png'])
def test_set5(small, tmp_path: Path, photograph, pattern):
    names = SETS['set5'].names
    small('set5', shapes={name: Shape(1, H, W) for name in names})
    (tmp_path / 'Set5').mkdir()
    for number, name in enumerate(names, 1):
        file = tmp_path / 'Set5' / pattern.format(name=name, number=number)
        file.write_bytes(encode_png(photograph[20 * number :][:H, :W]))
    results = list(prepare('set5', [tmp_path / 'Set5'], tmp_path / 'out'))
    out = made(results)['out']
    assert tuple(out.videos) == names and {v.frames for v in out.videos.values()} == {1}
    assert 'border of 4 pixels' in notes(results)[0]


def test_folder_takes_anything(fake, tmp_path: Path, read_video, photograph):
    fake(tmp_path / 'mine' / 'deep', ['x', 'y/GT'], 3)
    out = made(prepare('folder', [tmp_path / 'mine'], tmp_path / 'out'))['out']
    assert list(out.videos) == ['x', 'y']
    assert np.array_equal(read_video(out.root, 'gt', 'x')[2], photograph[:H, 12 : 12 + W])


def test_nothing_there(tmp_path: Path):
    (tmp_path / 'empty').mkdir()
    with pytest.raises(DatasetError, match='empty: holds nothing for reds .REDStrain: missing 236'):
        list(prepare('reds', [tmp_path / 'empty'], tmp_path / 'out', allow_partial=True))
    with pytest.raises(DatasetError, match='empty: holds nothing for folder$'):
        list(prepare('folder', [tmp_path / 'empty'], tmp_path / 'out'))
    with pytest.raises(DatasetError, match='absent: no such folder or file'):
        list(prepare('folder', [tmp_path / 'absent'], tmp_path / 'out'))
    assert [path.name for path in tmp_path.iterdir()] == ['empty']


def test_bad_archives_leave_nothing(fake, tmp_path: Path):
    fake(tmp_path / 'v', ['city'], 3, size=(160, 240))
    whole = Path(shutil.make_archive(str(tmp_path / 'whole'), 'gztar', tmp_path / 'v'))
    (tmp_path / 'cut.tar.gz').write_bytes(whole.read_bytes()[:-5000])
    (tmp_path / 'not.zip').write_bytes(b'no archive')
    with zipfile.ZipFile(tmp_path / 'bad.zip', 'w') as archive:
        archive.write(tmp_path / 'v' / 'city' / '00000001.png', 'city/00000001.png')
    data = bytearray((tmp_path / 'bad.zip').read_bytes())
    data[200] ^= 1
    (tmp_path / 'bad.zip').write_bytes(data)
    before = set(tmp_path.iterdir())
    for name in ('cut.tar.gz', 'not.zip', 'bad.zip'):
        with pytest.raises(DatasetError, match=f'{name}: cannot be unpacked') as caught:
            list(prepare('vid4', [tmp_path / name], tmp_path / 'out', allow_partial=True))
        assert '\n' not in str(caught.value)
    assert set(tmp_path.iterdir()) == before


def test_archives_cannot_write_elsewhere(tmp_path: Path):
    (tmp_path / 'evil').write_text('x')
    with tarfile.open(tmp_path / 'evil.tar', 'w') as archive:
        archive.add(tmp_path / 'evil', '../../evil_twin')
    with pytest.raises(DatasetError, match='evil.tar: cannot be unpacked'):
        list(prepare('folder', [tmp_path / 'evil.tar'], tmp_path / 'out'))


def test_damaged_frames_leave_nothing(fake, tmp_path: Path):
    fake(tmp_path / 'v', ['a', 'b'], 3)
    (tmp_path / 'v' / 'b' / '00000003.png').write_bytes(b'')
    with pytest.raises(DatasetError, match='b/00000003.png: not an image'):
        list(prepare('folder', [tmp_path / 'v'], tmp_path / 'out'))
    assert [path.name for path in tmp_path.iterdir()] == ['v']


def test_command_line_says_what_it_left_out(fake, small, tmp_path: Path, capsys):
    given = vid4(fake, small, tmp_path / 'Vid4')
    fake(given, ['party'], 2)
    assert main(['prepare', 'vid4', str(given), '--output', str(tmp_path / 'out')]) == 0
    assert capsys.readouterr().out.splitlines() == [
        'note: Vid4: 1 surplus videos left out: party',
        f'{tmp_path / "out"}: made, 4 videos, 12 frames, HR {W}x{H}',
    ]
