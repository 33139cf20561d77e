"""What inference needs: memory, temporary files, and time, of which it keeps the user informed."""

import gc
import os
import tempfile
from pathlib import Path

import pytest
import torch

from harness.evaluation import network_run
from harness.evaluation.inference import super_resolve
from tests.harness.evaluation.inference_nets import BASICVSR_CONV_FLOW, RESIDUAL, build


def test_progress_of_sweeps_without_frames(video):
    net, lrs = build(BASICVSR_CONV_FLOW), video(10, 16, 20)
    for states, total in (('disk', 10), ('segments', 10 + 6)):
        seen = []
        srs = super_resolve(
            net, lrs, 'cpu', states=states, on_hidden=lambda *counts, seen=seen: seen.append(counts)
        )
        next(srs)
        assert seen[0] == (2, total)  # the video's last clip
        list(srs)
        assert seen[-1] == (total, total)


def test_time_of_all_sweeps_is_attributed(video, monkeypatch):
    clock = iter(range(0, 1000))
    for name in ('perf_counter', 'thread_time'):  # of several threads, and of one
        monkeypatch.setattr(network_run.time, name, lambda: next(clock))
    net, lrs = build(BASICVSR_CONV_FLOW), video(10, 16, 20)
    # three clips in each of two sweeps, a second each
    assert sum(sr.ms for sr in super_resolve(net, lrs, 'cpu')) == pytest.approx(6000)
    # in segments of 4 frames, of which the two last go through the backward sweep twice
    segments = super_resolve(net, lrs, 'cpu', states='segments')
    assert sum(sr.ms for sr in segments) == pytest.approx(8000)


@pytest.fixture
def bytes_alive():
    """A function that gives the bytes of all tensors made during the test."""
    gc.collect()
    gc.freeze()  # what is there already is many objects to look through

    def count():
        tensors = [x for x in gc.get_objects() if type(x) is torch.Tensor]
        return sum(
            {x.untyped_storage().data_ptr(): x.untyped_storage().nbytes() for x in tensors}.values()
        )

    yield count
    gc.unfreeze()


@pytest.mark.slow
@pytest.mark.parametrize(
    'inner, states, growth',
    [
        (RESIDUAL, 'disk', 0),
        (dict(type='LookAheadNet'), 'disk', 0),
        (dict(type='StackedNet'), 'disk', 0),
        (BASICVSR_CONV_FLOW, 'disk', 0),
        # 12 features and states instead of 4; the LR frame in a state keeps its clip's 4 alive
        (BASICVSR_CONV_FLOW, 'segments', 8 + 8 * (1 + 4 * 3 / 8)),
        # beside features the LR frames, uint8
        (BASICVSR_CONV_FLOW, 'memory', 128 * (1 + 3 / 32)),
    ],
)
def test_memory(video, bytes_alive, inner, states, growth):
    """How much more 144 frames take than 16, in features (8 float32 channels)."""
    net, frame = build(inner), video(1, 16, 20)[0]
    most = {}
    for frames in (16, 144):
        used = []
        srs = super_resolve(
            net,
            (frame for _ in range(frames)),
            'cpu',
            states=states,
            on_hidden=lambda done, total, used=used: used.append(bytes_alive()),
        )
        used += [bytes_alive() for _ in srs]
        most[frames] = max(used)
    feature = 8 * 4 * 16 * 20
    assert (most[144] - most[16]) / feature == pytest.approx(growth, rel=0.05, abs=0.5)


@pytest.fixture
def temporary_files(tmp_path, monkeypatch):
    """A function that counts files in the temporary folder, also open ones without a name."""
    monkeypatch.setattr(tempfile, 'tempdir', str(tmp_path))

    def count():
        assert not list(tmp_path.iterdir())
        opened = [Path(f'/proc/self/fd/{fd}') for fd in os.listdir('/proc/self/fd')]
        return sum(str(tmp_path) in os.readlink(path) for path in opened if path.is_symlink())

    return count


@pytest.mark.slow
@pytest.mark.parametrize('states, files', [('disk', 2), ('segments', 1), ('memory', 0)])
def test_temporary_files_vanish(video, temporary_files, states, files):
    """After the last frame, when the user has enough, and when a frame cannot be read."""
    net, lrs = build(BASICVSR_CONV_FLOW), video(6, 16, 20)
    srs = super_resolve(net, lrs, 'cpu', states=states)
    next(srs)
    assert temporary_files() == files
    list(srs)
    assert temporary_files() == 0

    srs = super_resolve(net, lrs, 'cpu', states=states)
    next(srs)
    assert temporary_files() == files
    srs.close()
    assert temporary_files() == 0

    def damaged():
        yield from lrs
        raise OSError('damaged')

    with pytest.raises(OSError, match='damaged'):
        next(super_resolve(net, damaged(), 'cpu', states=states))
    gc.collect()
    assert temporary_files() == 0
