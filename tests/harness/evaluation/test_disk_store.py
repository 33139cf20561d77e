"""Tensors in a temporary file: the same ones come back, and a full disk is one clear line."""

import shutil
import tempfile
from functools import partial
from pathlib import Path

import pytest
import torch

from harness.errors import UserError
from harness.evaluation.disk_store import DiskStore


@pytest.mark.parametrize('dtype', [torch.float32, torch.float16, torch.bfloat16, torch.uint8])
def test_tensors_come_back_in_any_order(real_clip, dtype):
    frames = (real_clip(5, 17, 31)[:, :4] * 255).to(dtype).unbind(1)
    with DiskStore() as store:
        for number in (3, 0, 2, 1):
            store[number] = frames[number]
        for number in (1, 3, 0, 2, 2):
            assert store[number].dtype == dtype
            assert torch.equal(store[number], frames[number])
        store[2] = frames[0]
        assert torch.equal(store[2], frames[0])
        assert torch.equal(store[3], frames[3])
        with pytest.raises(KeyError):
            store[4]


def test_tensors_of_any_memory_order(real_clip):
    frame = real_clip(1, 16, 20)[:, 0].contiguous(memory_format=torch.channels_last)
    with DiskStore() as store:
        store[0] = frame[:, 1:]
        assert torch.equal(store[0], frame[:, 1:])


def test_a_full_disk(monkeypatch):
    """Linux's /dev/full has no room for anything."""
    full = partial(Path('/dev/full').open, 'r+b')
    monkeypatch.setattr(tempfile, 'TemporaryFile', full)
    with (
        DiskStore() as store,
        pytest.raises(UserError, match='temporary folder /.*: No space left on device; .*TMPDIR'),
    ):
        store[0] = torch.zeros(4)


def test_missing_room_is_noticed_at_once(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, 'tempdir', str(tmp_path))
    free = shutil._ntuple_diskusage(10**9, 0, 3 * 10**8)
    monkeypatch.setattr(shutil, 'disk_usage', lambda path: free if path == str(tmp_path) else None)
    x = torch.zeros(25, 10**5)  # 10 MB
    with DiskStore(30) as store:
        store[0] = x
    with DiskStore(31) as store, pytest.raises(UserError) as error:
        store[0] = x
    assert str(error.value).startswith(
        f'temporary folder {tmp_path}: 0.3 GB needed for 31 frames, 0.3 GB free; '
    )


def test_no_temporary_folder(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, 'tempdir', str(tmp_path / 'absent'))
    with pytest.raises(UserError, match='cannot create a temporary file .*absent.*TMPDIR'):
        DiskStore()
