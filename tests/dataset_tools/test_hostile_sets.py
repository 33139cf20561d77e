"""Manifests that cannot be right, and sets that lead out of their folder: refused in one line."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from dataset_tools.__main__ import main
from dataset_tools.limits import VARIABLE
from dataset_tools.manifest import MANIFEST, DatasetError, VideoSet
from dataset_tools.pack.reader import frame_reader

SHA = 'a' * 64


def _edit(root: Path, keys: list[str], value: object) -> None:
    path = root / MANIFEST
    manifest = holder = json.loads(path.read_text())
    for key in keys[:-1]:
        holder = holder[key]
    holder[keys[-1]] = value
    path.write_text(json.dumps(manifest))


def _refused(root: Path, capsys, message: str = '') -> None:
    """By every tool that reads a set, in one line, with nothing written."""
    before = set(root.parent.iterdir())
    for tool in ('verify', 'info', 'pack', 'preview', 'loop', 'texture'):
        output = root.parent / f'{tool}.png'
        call = [tool, str(root)]
        call += [] if tool in ('verify', 'info') else ['--output', str(output)]
        call += ['--frames', '3'] if tool == 'loop' else []
        assert main(call) == 2, tool
        error = capsys.readouterr().err
        assert error.startswith(f'error: {root}') and error.count('\n') == 1
        assert message in error
    assert set(root.parent.iterdir()) == before


@pytest.mark.parametrize(
    'keys, value',
    [
        (['format'], '1'),
        (['format'], True),
        (['scale'], 2),
        (['scale'], 4.0),
        (['checksum'], 'x'),
        (['checksum'], None),
        (['kinds'], ['gt', 'lr_bd']),
        (['kinds'], {}),
        (['kinds', 'lr_bi'], {}),
        (['videos'], []),
        (['videos', 'a'], []),
        (['videos', 'a', 'frames'], 0),
        (['videos', 'a', 'frames'], -5),
        (['videos', 'a', 'frames'], 5.0),
        (['videos', 'a', 'frames'], '5'),
        (['videos', 'a', 'frames'], 4),
        (['videos', 'a', 'gt'], [1]),
        (['videos', 'a', 'gt', 'height'], 0),
        (['videos', 'a', 'gt', 'height'], -48),
        (['videos', 'a', 'gt', 'height'], 48.0),
        (['videos', 'a', 'gt', 'height'], True),
        (['videos', 'a', 'gt', 'height'], 50),
        (['videos', 'a', 'gt', 'height'], 10**9),
        (['videos', 'a', 'lr_bd', 'width'], 17),
        (['videos', 'a', 'gt', 'sha256'], [SHA] * 4),
        (['videos', 'a', 'gt', 'sha256'], [SHA] * 4 + [[]]),
        (['videos', 'a', 'gt', 'sha256'], {'0': SHA}),
        (['videos', 'a', 'gt', 'sha256'], 'aaaaa'),
        (['files'], []),
        (['files'], {'ranking.csv': 3}),
        (['name'], {'deep': [[['garbage']]]}),
    ],
)
def test_what_cannot_be(source_set: Path, keys, value, capsys):
    _edit(source_set, keys, value)
    _refused(source_set, capsys, 'not a valid manifest')


@pytest.mark.parametrize('keys', [['name'], ['kinds'], ['videos'], ['files']])
@pytest.mark.parametrize('name', ['../a', '/etc', 'a/../../b', '..', '.a', 'a\nb', ''])
def test_names_that_lead_out(source_set: Path, keys, name, capsys):
    manifest = json.loads((source_set / MANIFEST).read_text())
    held = manifest.get(keys[0], {})
    _edit(source_set, keys, name if isinstance(held, str) else {**held, name: SHA})
    _refused(source_set, capsys, 'names have 1 to 100 characters')


@pytest.mark.parametrize('text', ['[' * 100_000, '{"a":' * 100_000, '\xff', 'null', '3', '[[]]'])
def test_garbage(source_set: Path, text, capsys):
    (source_set / MANIFEST).write_text(text, encoding='latin-1')
    _refused(source_set, capsys)


def test_no_videos(source_set: Path, capsys):
    _edit(source_set, ['videos'], {})
    _refused(source_set, capsys, 'holds no videos')


def test_a_manifest_that_is_a_pipe(source_set: Path, capsys):
    (source_set / MANIFEST).unlink()
    os.mkfifo(source_set / MANIFEST)
    _refused(source_set, capsys, 'no manifest.json')


@pytest.mark.parametrize('what', ['frame', 'video', 'kind'])
def test_links_out_of_a_set(source_set: Path, tmp_path: Path, what, capsys):
    place = source_set / {'frame': 'gt/a/00000000.png', 'video': 'gt/a', 'kind': 'gt'}[what]
    place.rename(tmp_path / 'outside')
    place.symlink_to(tmp_path / 'outside')
    linked = VideoSet.load(source_set)
    with pytest.raises(DatasetError, match='leads out of the set'):
        frame_reader(linked)('gt', 'a', 0)
    with pytest.raises(DatasetError, match='leads out of the set'):
        linked.quick_check()
    assert main(['verify', str(source_set)]) == 1
    assert 'leads out of the set: gt/a/00000000.png\n' in capsys.readouterr().out
    assert main(['pack', str(source_set), '--output', str(tmp_path / 'packed')]) == 2
    assert not (tmp_path / 'packed').exists()


@pytest.mark.parametrize('place', ['gt', 'gt/a', 'gt/a/c', 'gt/a/c/0/0/0/0', 'gt/a/zarr.json'])
def test_links_out_of_a_packed_set(source_set: Path, tmp_path: Path, place, capsys):
    packed = tmp_path / 'packed'
    assert main(['pack', str(source_set), '--output', str(packed)]) == 0
    (packed / place).rename(tmp_path / 'outside')
    (packed / place).symlink_to(tmp_path / 'outside')
    with pytest.raises(DatasetError, match='leads out of the set'):
        frame_reader(VideoSet.load(packed))
    assert main(['verify', str(packed)]) == 1


def test_a_set_that_is_reached_through_links(source_set: Path, tmp_path: Path):
    (tmp_path / 'link').symlink_to(source_set)
    linked = VideoSet.load(tmp_path / 'link')
    linked.quick_check()
    assert frame_reader(linked)('gt', 'a', 0).shape == (48, 64, 3)
    assert main(['verify', str(tmp_path / 'link')]) == 0


@pytest.mark.parametrize('name', ['.hidden', 'a@b', 'x' * 101])
def test_names_of_new_sets_and_videos(source_set: Path, hr_folder: Path, tmp_path: Path, name):
    before = set(tmp_path.iterdir())
    call = ['loop', str(source_set), '--output', str(tmp_path / name), '--frames', '3']
    assert main(call) == 2
    shutil.copytree(hr_folder / 'a', hr_folder / 'z' / name)
    assert main(['prepare', 'folder', str(hr_folder / 'z'), '--output', str(tmp_path / 'o')]) == 2
    assert set(tmp_path.iterdir()) == before


def test_sizes_above_the_limit(source_set: Path, monkeypatch, capsys):
    monkeypatch.setenv(VARIABLE, '0.001')
    _refused(source_set, capsys, 'above the limit of 0.001 megapixels')
    monkeypatch.setenv(VARIABLE, 'many')
    _refused(source_set, capsys, f"{VARIABLE} is 'many'")


def test_a_manifest_that_only_cannot_be_read_now(source_set: Path, monkeypatch):
    """Nothing is wrong with the set then: nobody is told to delete it."""
    manifest = source_set / MANIFEST
    checksum = VideoSet.load(source_set).checksum
    manifest.write_bytes(b'\xef\xbb\xbf' + manifest.read_bytes())  # an editor on Windows
    assert VideoSet.load(source_set).checksum == checksum

    def refuse(*args, **kwargs):
        raise PermissionError(13, 'Permission denied')

    monkeypatch.setattr(Path, 'read_text', refuse)
    with pytest.raises(DatasetError, match=f'^{manifest}: cannot be read: Permission denied$'):
        VideoSet.load(source_set)
