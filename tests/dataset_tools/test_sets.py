"""Sets as a whole: manifests, half-made sets, sets that are already there, verification."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from pathlib import Path

import pytest

from dataset_tools.__main__ import main
from dataset_tools.degrade_folder import make_degraded_set
from dataset_tools.frames import encode_png
from dataset_tools.manifest import MANIFEST, DatasetError, VideoSet
from dataset_tools.static import make_static_set
from dataset_tools.verify import verify
from dataset_tools.writer import SetWriter, build_set


def tree(root: Path) -> dict[str, bytes]:
    return {str(f.relative_to(root)): f.read_bytes() for f in root.rglob('*') if f.is_file()}


def test_same_bytes_on_two_runs(hr_folder: Path, tmp_path: Path):
    roots = [make_degraded_set(hr_folder, tmp_path / run / 'set')[0].root for run in 'xy']
    assert tree(roots[0]) == tree(roots[1])


def test_checksum_follows_content_and_not_place(hr_folder: Path, source_set: Path, photograph):
    before = VideoSet.load(source_set).checksum
    renamed = source_set.rename(source_set.with_name('renamed'))
    assert VideoSet.load(renamed).checksum == before
    elsewhere = make_degraded_set(hr_folder, source_set.with_name('other'))[0]
    assert elsewhere.checksum == before
    (hr_folder / 'a' / '00000004.png').write_bytes(encode_png(photograph[:48, :64]))
    assert make_degraded_set(hr_folder, source_set.with_name('changed'))[0].checksum != before
    (hr_folder / 'a').rename(hr_folder / 'c')
    assert make_degraded_set(hr_folder, source_set.with_name('video'))[0].checksum != before


def test_loading_says_what_is_wrong(source_set: Path, tmp_path: Path):
    with pytest.raises(DatasetError, match='no such set folder.*python -m dataset_tools'):
        VideoSet.load(tmp_path / 'absent')
    with pytest.raises(DatasetError, match='no manifest.json.*python -m dataset_tools'):
        VideoSet.load(tmp_path)
    manifest = json.loads((source_set / MANIFEST).read_text())
    for damage, message in (
        ('{', 'cannot be read as JSON'),
        ('[]', 'not a valid manifest'),
        (json.dumps(manifest | {'format': 2}), 'format 2 instead of 1'),
        (json.dumps({k: v for k, v in manifest.items() if k != 'videos'}), "no entry 'videos'"),
        (
            json.dumps(manifest | {'videos': {'a': manifest['videos']['a'] | {'frames': 6}}}),
            'a: 5 gt',
        ),
    ):
        (source_set / MANIFEST).write_text(damage)
        with pytest.raises(DatasetError, match=message) as caught:
            VideoSet.load(source_set)
        assert '\n' not in str(caught.value)


def test_frame_paths_and_quick_check(source_set: Path):
    made = VideoSet.load(source_set)
    assert made.frame_path('lr_bd', 'a', 4) == source_set / 'lr_bd' / 'a' / '00000004.png'
    for wrong in (('lr_bi', 'a', 0), ('gt', 'z', 0), ('gt', 'a', 5), ('gt', 'a', -1)):
        with pytest.raises(DatasetError, match='no '):
            made.frame_path(*wrong)
    made.quick_check()
    made.frame_path('lr_bd', 'a', 4).unlink()
    with pytest.raises(DatasetError, match='lr_bd/a/00000004.png: frame is missing'):
        made.quick_check()


@pytest.mark.parametrize('failure', [ValueError, KeyboardInterrupt, DatasetError])
def test_half_made_sets_leave_nothing(tmp_path: Path, photograph, failure):
    def frames():
        yield photograph
        raise failure('in the middle')

    with pytest.raises(failure, match='in the middle'):
        build_set(
            tmp_path / 'deep' / 'set',
            tool='t',
            parameters={},
            source=None,
            total=2,
            videos=[('a', frames())],
        )
    assert list(tmp_path.iterdir()) == []


def test_damaged_source_leaves_nothing(hr_folder: Path, tmp_path: Path):
    (hr_folder / 'a' / '00000003.png').write_bytes(b'damaged')
    with pytest.raises(DatasetError, match='00000003.png: not an image'):
        make_degraded_set(hr_folder, tmp_path / 'out')
    assert [path.name for path in tmp_path.iterdir()] == ['hr']


def test_full_disk_leaves_nothing(hr_folder: Path, tmp_path: Path, monkeypatch):
    def no_space(*_):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(Path, 'write_bytes', no_space)
    with pytest.raises(DatasetError, match='out: not made .*No space left'):
        make_degraded_set(hr_folder, tmp_path / 'out')
    assert [path.name for path in tmp_path.iterdir()] == ['hr']


def test_remains_of_a_killed_process_are_cleared(hr_folder: Path, tmp_path: Path):
    (tmp_path / '.out.part' / 'gt' / 'z').mkdir(parents=True)
    (tmp_path / '.out.part' / MANIFEST).touch()
    assert list(make_degraded_set(hr_folder, tmp_path / 'out')[0].videos) == ['a', 'b']
    assert verify(tmp_path / 'out') == [] and not (tmp_path / '.out.part').exists()


def test_two_processes_do_not_mix(hr_folder: Path, tmp_path: Path):
    (tmp_path / '.out.part').mkdir()
    other = os.open(tmp_path / '.out.part', os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    with pytest.raises(DatasetError, match='another process is making this set'):
        make_degraded_set(hr_folder, tmp_path / 'out')
    os.close(other)


def test_bad_videos(tmp_path: Path, photograph):
    def add(*videos):
        with SetWriter(tmp_path / 's', tool='t', parameters={}, source=None, total=1) as writer:
            for name, frames in videos:
                writer.add_video(name, frames)

    with pytest.raises(DatasetError, match='at least one frame'):
        add(('a', []))
    with pytest.raises(DatasetError, match='already taken'):
        add(('a', [photograph]), ('a', [photograph]))
    with pytest.raises(DatasetError, match='frame 1 is 8x4, the ones before 600x400'):
        add(('a', [photograph, photograph[:4, :8]]))
    assert list(tmp_path.iterdir()) == []


def test_already_there_or_something_else(source_set: Path, tmp_path: Path):
    root = tmp_path / 'static'
    assert make_static_set(source_set, root, 3)[1]
    before = (root / MANIFEST).stat().st_mtime_ns
    assert not make_static_set(source_set, root, 3)[1]
    assert (root / MANIFEST).stat().st_mtime_ns == before
    with pytest.raises(DatasetError, match='different parameters'):
        make_static_set(source_set, root, 4)
    (root / 'gt' / 'a' / '00000000.png').unlink()
    with pytest.raises(DatasetError, match='frame is missing'):
        make_static_set(source_set, root, 3)
    (tmp_path / 'empty').mkdir()
    assert make_static_set(source_set, tmp_path / 'empty', 3)[1]
    shutil.rmtree(root)
    root.mkdir()
    (root / 'thesis.tex').touch()
    with pytest.raises(DatasetError, match='exists and is not a set'):
        make_static_set(source_set, root, 3)
    assert [path.name for path in root.iterdir()] == ['thesis.tex']


def test_verify_finds_damage(source_set: Path, capsys):
    assert main(['verify', str(source_set)]) == 0
    flipped = source_set / 'gt' / 'a' / '00000002.png'
    data = bytearray(flipped.read_bytes())
    data[100] ^= 1
    flipped.write_bytes(data)
    (source_set / 'lr_bd' / 'b' / '00000000.png').unlink()
    (source_set / 'gt' / 'a' / '00000005.png').touch()
    capsys.readouterr()
    assert main(['verify', str(source_set)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        'changed: gt/a/00000002.png',
        'missing: lr_bd/b/00000000.png',
        'extra: gt/a/00000005.png',
    ]


def test_verify_finds_an_edited_manifest(source_set: Path):
    path = source_set / MANIFEST
    manifest = json.loads(path.read_text())
    manifest['checksum'] = '0' * 64
    path.write_text(json.dumps(manifest))
    assert verify(source_set)[0].startswith('changed: manifest.json')
