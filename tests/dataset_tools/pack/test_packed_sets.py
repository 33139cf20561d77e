"""Packed sets: the same pixels, window by window, and no partial or silently wrong output."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest

from dataset_tools.__main__ import main
from dataset_tools.composit.sets import make_composit_set
from dataset_tools.degrade.sets import make_degraded_set
from dataset_tools.manifest import MANIFEST, DatasetError, VideoSet
from dataset_tools.pack.reader import PackedVideos, frame_reader, stored_order
from dataset_tools.pack.writer import make_packed_set
from dataset_tools.sliding_window import make_sliding_window_set
from dataset_tools.static import make_static_set
from dataset_tools.texture import make_texture_set
from dataset_tools.verify import verify


@pytest.fixture(scope='module')
def pan_set(tmp_path_factory, photograph, write_video) -> Path:
    """Video a: 11 frames of 388 x 560, no multiple of a tile; video b: 3 smaller ones."""
    folder = tmp_path_factory.mktemp('pan')
    write_video(folder / 'hr/a', [photograph[t : t + 388, 4 * t : 4 * t + 560] for t in range(11)])
    write_video(folder / 'hr/b', [photograph[:64, 9 * t : 9 * t + 72] for t in range(3)])
    return make_degraded_set(folder / 'hr', folder / 'pan')[0].root


@pytest.fixture(scope='module')
def packed_set(pan_set: Path) -> Path:
    return make_packed_set(pan_set, pan_set.parent / 'packed')[0].root


@pytest.mark.slow
def test_random_windows_are_the_pixels_of_the_pngs(pan_set: Path, packed_set: Path, read_video):
    packed, rng = PackedVideos(VideoSet.load(packed_set)), np.random.default_rng(0)
    for kind in ('gt', 'lr_bd'):
        for name in ('a', 'b'):
            frames = np.stack(read_video(pan_set, kind, name))
            assert np.array_equal(packed.read(kind, name, 0, len(frames)), frames)
            for _ in range(10):
                (t, stop), (top, bottom), (left, right) = (
                    sorted(rng.choice(size + 1, 2, replace=False)) for size in frames.shape[:3]
                )
                window = packed.read(kind, name, t, stop, top, left, bottom - top, right - left)
                assert np.array_equal(window, frames[t:stop, top:bottom, left:right])


def test_same_content_same_checksum(pan_set: Path, packed_set: Path):
    source, packed = VideoSet.load(pan_set), VideoSet.load(packed_set)
    assert packed.checksum == source.checksum and packed.videos == source.videos
    assert packed.manifest['packed']['tiles'] == {'gt': 128, 'lr_bd': 32}
    assert {k: v for k, v in packed.manifest.items() if k != 'packed'} == source.manifest


@pytest.mark.slow
@pytest.mark.parametrize('make, frames', [(make_static_set, 40), (make_composit_set, 25)])
def test_equal_frames_are_stored_once(pan_set: Path, tmp_path: Path, read_video, make, frames):
    source = make(pan_set, tmp_path / 'long', frames=frames)[0]
    packed = make_packed_set(source.root, tmp_path / 'long_packed')[0]
    different = len(set(source.manifest['videos']['a']['gt']['sha256']))
    files = [path for path in (packed.root / 'gt' / 'a' / 'c').rglob('*') if path.is_file()]
    assert len(files) == -(-different // 8) < frames / 8
    expected = np.stack(read_video(source.root, 'gt', 'a'))[7:25, 5:50, 6:60]
    read = PackedVideos(packed).read('gt', 'a', 7, 25, 5, 6, 45, 54)
    assert np.array_equal(read, expected)


def test_lr_sets_with_masks_and_further_files(pan_set: Path, tmp_path: Path):
    source = make_sliding_window_set(
        pan_set, tmp_path / 'lr', (8, 8), [1], 'horizontal', 9, on='lr'
    )[0]
    packed = make_packed_set(source.root, tmp_path / 'lr_packed')[0]
    assert packed.manifest['packed']['tiles'] == {'lr_bd': 32, 'mask': 32}
    before, after = frame_reader(source), frame_reader(packed)
    for kind in ('lr_bd', 'mask'):
        assert np.array_equal(before(kind, 'a_s1', 8), after(kind, 'a_s1', 8))
    ranked = make_texture_set(pan_set, tmp_path / 'texture', 1)[0].root
    make_packed_set(ranked, tmp_path / 'texture_packed')
    ranking = (tmp_path / 'texture_packed' / 'ranking.csv').read_bytes()
    assert ranking == (ranked / 'ranking.csv').read_bytes()


def test_stored_order():
    assert stored_order(['x', 'y', 'x', 'z', 'y']) == [0, 1, 0, 2, 1]


@pytest.mark.parametrize(
    'window',
    [(0, 12), (3, 3), (-1, 2), (0, 1, 380, 0, 9, 9), (0, 1, 0, 0, 9, 561), (0, 1, -1, 0, 3, 3)],
)
def test_windows_outside(packed_set: Path, window):
    packed = PackedVideos(VideoSet.load(packed_set))
    with pytest.raises(DatasetError, match='not inside gt/a, 11 frames of 560x388'):
        packed.read('gt', 'a', *window)


def test_no_such_video(packed_set: Path, pan_set: Path):
    with pytest.raises(DatasetError, match='no gt/z in this set'):
        PackedVideos(VideoSet.load(packed_set)).read('gt', 'z', 0, 1)
    with pytest.raises(DatasetError, match='not a packed set'):
        PackedVideos(VideoSet.load(pan_set))


def _bit(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[1000] ^= 1
    file.write_bytes(data)


_DAMAGE = {
    # of the first shard of gt/a: what becomes of it, what is said on reading, and by verify
    'bit': (_bit, 'gt/a is damaged', 'changed: gt/a/c/0/0/0/0'),
    'cut': (
        lambda f: f.write_bytes(f.read_bytes()[:-1]),
        'bytes instead of',
        'truncated: gt/a/c/0',
    ),
    'empty': (lambda f: f.write_bytes(b''), ' 0 bytes instead of', 'truncated: gt/a/c/0/0/0/0'),
    'gone': (Path.unlink, 'missing; delete the packed set', 'missing: gt/a/c/0/0/0/0'),
    'other': (
        lambda f: f.write_bytes((f.parents[5] / 'b/c/0/0/0/0').read_bytes()),
        'bytes instead of',
        'truncated: gt/a/c/0/0/0/0',
    ),
}


@pytest.mark.parametrize('damage', list(_DAMAGE))
def test_damage_is_never_read_as_pixels(packed_set: Path, tmp_path: Path, damage):
    harm, said, line = _DAMAGE[damage]
    root = shutil.copytree(packed_set, tmp_path / 'packed')
    assert verify(root) == []
    fresh, opened = PackedVideos(VideoSet.load(root)), PackedVideos(VideoSet.load(root))
    before = opened.read('gt', 'a', 8, 11)
    harm(root / 'gt' / 'a' / 'c' / '0' / '0' / '0' / '0')
    for packed in (fresh, opened):
        with pytest.raises(DatasetError, match=said) as caught:
            packed.read('gt', 'a', 7, 9)
        assert '\n' not in str(caught.value)
    # Frames of other files are read on.
    assert np.array_equal(opened.read('gt', 'a', 8, 11), before)
    (problem,) = verify(root)
    assert problem.startswith(line)
    if damage != 'bit':
        with pytest.raises(DatasetError, match=said):
            PackedVideos(VideoSet.load(root))


def test_files_of_another_video_of_the_same_size(packed_set: Path, tmp_path: Path):
    """Whole files in the wrong place: nothing that Zarr could notice."""
    root = shutil.copytree(packed_set, tmp_path / 'packed')
    first, second = (root / 'gt' / 'a' / 'c' / n / '0' / '0' / '0' for n in '01')
    first_data, second_data = first.read_bytes(), second.read_bytes()
    first.write_bytes(second_data)
    second.write_bytes(first_data)
    assert len(verify(root)) == 2


@pytest.mark.parametrize(
    'entry, value',
    [
        ('shape', [11, 388, 564, 3]),
        ('data_type', 'uint16'),
        ('chunk_key_encoding', {'name': 'default', 'configuration': {'separator': '.'}}),
        ('fill_value', 7),
        ('codecs', []),
        ('codecs', 'x'),
        ('zarr_format', 2),
    ],
)
def test_other_array_than_was_packed(packed_set: Path, tmp_path: Path, entry, value):
    root = shutil.copytree(packed_set, tmp_path / 'packed')
    about = root / 'gt' / 'a' / 'zarr.json'
    about.write_text(json.dumps(json.loads(about.read_text()) | {entry: value}))
    with pytest.raises(DatasetError, match='zarr.json: .*; delete the packed set'):
        PackedVideos(VideoSet.load(root))
    assert verify(root)[0].split(': ')[1] == 'gt/a/zarr.json'
    if entry == 'fill_value':
        return
    # The same where the manifest has been made to agree.
    manifest = json.loads((root / MANIFEST).read_text())
    data = about.read_bytes()
    manifest['packed']['files']['gt']['a']['zarr.json'] = [
        len(data),
        hashlib.sha256(data).hexdigest(),
    ]
    (root / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(DatasetError, match='gt/a is damaged') as caught:
        PackedVideos(VideoSet.load(root)).read('gt', 'a', 0, 1)
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize('value', [None, 3, [], {}, {'format': 1}, {'format': 2}])
def test_no_list_of_files(packed_set: Path, tmp_path: Path, value, capsys):
    root = shutil.copytree(packed_set, tmp_path / 'packed')
    manifest = json.loads((root / MANIFEST).read_text())
    _refused(root, manifest | {'packed': value}, capsys)


@pytest.mark.parametrize(
    'keys, value',
    [
        (['frames'], 0),
        (['frames'], 8.0),
        (['frames'], 3),
        (['files'], []),
        (['files', 'gt'], {}),
        (['files', 'gt', 'a'], [1]),
        (['files', 'gt', 'a', 'zarr.json'], 7),
        (['files', 'gt', 'a', 'zarr.json'], [1, 2, 3]),
        (['files', 'gt', 'a', 'zarr.json'], [-1, 'a' * 64]),
        (['files', 'gt', 'a', 'zarr.json'], [1, 'A']),
        (['files', 'gt', 'a', '../../../x'], [1, 'a' * 64]),
    ],
)
def test_impossible_lists_of_files(packed_set: Path, tmp_path: Path, keys, value, capsys):
    root = shutil.copytree(packed_set, tmp_path / 'packed')
    manifest = json.loads((root / MANIFEST).read_text())
    holder = manifest['packed']
    for key in keys[:-1]:
        holder = holder[key]
    holder[keys[-1]] = value
    _refused(root, manifest, capsys)


def _refused(root: Path, manifest: dict, capsys) -> None:
    (root / MANIFEST).write_text(json.dumps(manifest))
    for tool in ('verify', 'info', 'preview'):
        output = ['--output', str(root.parent / 'x.png')] if tool == 'preview' else []
        assert main([tool, str(root), *output]) == 2
        error = capsys.readouterr().err
        assert error.startswith(f'error: {root}') and error.count('\n') == 1


def _mean(packed: PackedVideos) -> float:
    return float(packed.read('gt', 'a', 0, 8).mean())


@pytest.mark.slow
@pytest.mark.parametrize('method', ['fork', 'spawn'])
def test_reading_in_other_processes(packed_set: Path, method):
    packed = PackedVideos(VideoSet.load(packed_set))
    expected = _mean(packed)
    with multiprocessing.get_context(method).Pool(1) as pool:
        assert pool.apply_async(_mean, [packed]).get(timeout=60) == expected
    assert _mean(pickle.loads(pickle.dumps(packed))) == expected


def test_command_line_and_outputs_in_use(pan_set: Path, tmp_path: Path, capsys):
    other = make_static_set(pan_set, tmp_path / 'other', frames=1)[0].root
    root = tmp_path / 'new' / 'packed'
    call = ['pack', str(pan_set), '--output', str(root)]
    assert main(call) == 0 and 'made, 2 videos' in capsys.readouterr().out
    assert main(call) == 0 and 'already there' in capsys.readouterr().out
    assert [path.name for path in root.parent.iterdir()] == ['packed']
    assert main(['pack', str(other), '--output', str(root)]) == 2
    assert 'holds another set' in capsys.readouterr().err
    with pytest.raises(DatasetError, match='is packed already'):
        make_packed_set(root, tmp_path / 'twice')


def test_damaged_sources_leave_nothing(pan_set: Path, tmp_path: Path):
    pan_set = shutil.copytree(pan_set, tmp_path / 'pan')
    path = pan_set / 'lr_bd' / 'b' / '00000001.png'
    path.write_bytes((pan_set / 'lr_bd' / 'b' / '00000000.png').read_bytes())
    with pytest.raises(DatasetError, match='00000001.png: not the frame of the manifest'):
        make_packed_set(pan_set, tmp_path / 'x' / 'packed')
    assert not (tmp_path / 'x').exists()
