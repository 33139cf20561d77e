"""Sets as a whole: manifests, partial sets, existing sets, verification."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from dataset_tools.degrade.sets import make_degraded_set
from dataset_tools.frames import encode_png
from dataset_tools.manifest import MANIFEST, DatasetError, VideoSet, find_existing
from dataset_tools.scratch import MARKER, scratch_folder
from dataset_tools.sliding_window import make_sliding_window_set
from dataset_tools.static import make_static_set
from dataset_tools.verify import verify
from dataset_tools.writer import build_set


def tree(root: Path) -> dict[str, bytes]:
    return {str(f.relative_to(root)): f.read_bytes() for f in root.rglob('*') if f.is_file()}


def test_same_bytes_on_two_runs(hr_folder: Path, tmp_path: Path):
    roots = [make_degraded_set(hr_folder, tmp_path / run / 'set')[0].root for run in 'xy']
    assert tree(roots[0]) == tree(roots[1])


def test_same_bytes_whatever_the_number_of_jobs(source_set: Path, tmp_path: Path):
    def links(root: Path) -> dict[str, str]:
        return {str(f.relative_to(root)): os.readlink(f) for f in root.rglob('*') if f.is_symlink()}

    roots = [
        make_sliding_window_set(
            source_set, tmp_path / f'{jobs}' / 'set', (8, 8), [1, 4], 'diagonal', 30, jobs=jobs
        )[0].root
        for jobs in (1, 2, 7)
    ]
    for other in roots[1:]:
        assert tree(other) == tree(roots[0]) and links(other) == links(roots[0])


def test_equal_frames_become_links_to_the_first(tmp_path: Path, photograph, write_video):
    a, b = photograph[:8, :8], photograph[8:16, :8]
    write_video(tmp_path / 'hr' / 'v', [a, b, a, a, b])
    made, _ = make_degraded_set(tmp_path / 'hr', tmp_path / 'set', jobs=3)
    files = [made.frame_path('lr_bd', 'v', t) for t in range(5)]
    assert [f.readlink().name[7] if f.is_symlink() else None for f in files] == [
        *(None, None),
        *'001',
    ]
    assert verify(made.root) == []
    again, _ = make_degraded_set(made.root, tmp_path / 'again')
    assert tree(again.root / 'gt') == tree(made.root / 'gt')


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


def test_frames_of_another_size_leave_nothing(hr_folder: Path, tmp_path: Path, photograph):
    (hr_folder / 'a' / '00000003.png').write_bytes(encode_png(photograph[:48, :65]))
    # Cropping would make 64x48 of it as well.
    with pytest.raises(DatasetError, match='a: frame 3 is 65x48, the ones before 64x48'):
        make_degraded_set(hr_folder, tmp_path / 'deep' / 'out')
    (hr_folder / 'a' / '00000003.png').unlink()
    with pytest.raises(DatasetError, match='gap in numbering, no frame 3'):
        make_degraded_set(hr_folder, tmp_path / 'deep' / 'out')
    (hr_folder / 'a' / '00000003.png').write_bytes(encode_png(photograph[:3, :65]))
    with pytest.raises(DatasetError, match='65x3 is too small'):
        make_degraded_set(hr_folder, tmp_path / 'deep' / 'out')
    assert [path.name for path in tmp_path.iterdir()] == ['hr']


def test_another_kind_is_something_else(source_set: Path, hr_folder: Path, tmp_path: Path):
    make_static_set(source_set, tmp_path / 'static', 3)
    manifest = json.loads((tmp_path / 'static' / MANIFEST).read_text())
    about = [manifest[key] for key in ('tool', 'parameters', 'source')]
    assert find_existing(tmp_path / 'static', *about) is not None
    with pytest.raises(DatasetError, match='different kinds'):
        find_existing(tmp_path / 'static', *about, kinds=('gt', 'lr_bd', 'mask'))
    with pytest.raises(DatasetError, match='different parameters'):
        make_degraded_set(hr_folder, source_set, ['bd', 'bi'])


def test_full_disk_stops_at_once_and_leaves_nothing(tmp_path: Path, photograph, monkeypatch):
    tried, write_bytes = [], Path.write_bytes

    def no_space_after_four(path: Path, data: bytes) -> int:
        tried.append(path)
        if len(tried) > 4:
            raise OSError(28, 'No space left on device')
        return write_bytes(path, data)

    monkeypatch.setattr(Path, 'write_bytes', no_space_after_four)
    frames = (photograph[t : t + 40, :40] for t in range(300))
    with pytest.raises(DatasetError, match='set: cannot be written .*No space left') as caught:
        build_set(
            tmp_path / 'deep' / 'set',
            tool='t',
            parameters={},
            source=None,
            total=300,
            videos=[('a', frames)],
            jobs=2,
        )
    assert '\n' not in str(caught.value) and len(tried) < 30
    assert list(tmp_path.iterdir()) == []


def test_remains_of_a_killed_process_are_cleared(hr_folder: Path, tmp_path: Path):
    (tmp_path / '.out.part' / 'set' / 'gt' / 'z').mkdir(parents=True)
    (tmp_path / '.out.part' / MARKER).touch()
    assert list(make_degraded_set(hr_folder, tmp_path / 'out')[0].videos) == ['a', 'b']
    assert verify(tmp_path / 'out') == [] and not (tmp_path / '.out.part').exists()


def test_two_processes_do_not_mix(hr_folder: Path, tmp_path: Path):
    with (
        scratch_folder(tmp_path / 'out'),
        pytest.raises(DatasetError, match='out: another process is making it'),
    ):
        make_degraded_set(hr_folder, tmp_path / 'out')
    make_degraded_set(hr_folder, tmp_path / 'out')


def test_bad_videos(tmp_path: Path, photograph):
    def add(*videos):
        build_set(tmp_path / 's', tool='t', parameters={}, source=None, total=1, videos=videos)

    with pytest.raises(DatasetError, match='at least one frame'):
        add(('a', []))
    with pytest.raises(DatasetError, match='two videos would be called a'):
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
