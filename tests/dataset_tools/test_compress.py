"""LR frames that a codec has encoded."""

import av
import numpy as np
import pytest

from dataset_tools import compress
from dataset_tools.__main__ import main
from dataset_tools.compress import make_compressed_set
from dataset_tools.degrade.sets import make_degraded_set
from dataset_tools.manifest import DatasetError, VideoSet
from dataset_tools.verify import verify


@pytest.fixture
def source(tmp_path, photograph, write_video):
    """A pan of 5 frames of 13 x 15 LR pixels, and a still of 3 frames of 8 x 10."""
    write_video(tmp_path / 'hr' / 'pan', [photograph[:52, 40 * t : 40 * t + 60] for t in range(5)])
    write_video(tmp_path / 'hr' / 'still', [photograph[200:232, 300:340]] * 3)
    return make_degraded_set(tmp_path / 'hr', tmp_path / 'source', ['bi', 'bd'])[0].root


def _without_losses(frame):
    """A frame after 4:2:0 alone, which is all that a CRF of 0 changes."""
    even = np.pad(frame, ((0, frame.shape[0] % 2), (0, frame.shape[1] % 2), (0, 0)), mode='edge')
    picture = av.VideoFrame.from_ndarray(even, format='rgb24').reformat(format='yuv420p')
    return picture.to_ndarray(format='rgb24')[: frame.shape[0], : frame.shape[1]]


def test_hr_stays_and_lr_is_encoded(source, tmp_path, read_video, capsys):
    output = tmp_path / 'best'
    assert main(['compress', str(source), '--output', str(output), '--crf', '0']) == 0
    assert 'made, 2 videos, 8 frames' in capsys.readouterr().out
    made = VideoSet.load(output)
    assert verify(output) == [] and made.kinds == ('gt', 'lr_bd', 'lr_bi')
    assert made.videos['pan'].sizes['lr_bi'] == (13, 15)
    for video in ('pan', 'still'):
        for number, hr in enumerate(read_video(source, 'gt', video)):
            assert np.array_equal(read_video(output, 'gt', video)[number], hr)
        for kind in made.lr_kinds:
            before, after = (read_video(root, kind, video) for root in (source, output))
            assert len(after) == len(before)
            for lr, coded in zip(before, after, strict=True):
                assert np.array_equal(coded, _without_losses(lr)) and not np.array_equal(coded, lr)


def test_a_larger_crf_loses_more(source, tmp_path, read_video):
    errors = []
    for crf in (0, 23, 40):
        root = make_compressed_set(source, tmp_path / f'crf{crf}', crf)[0].root
        pairs = zip(
            read_video(source, 'lr_bi', 'pan'), read_video(root, 'lr_bi', 'pan'), strict=True
        )
        errors.append(np.mean([np.square(a.astype(float) - b).mean() for a, b in pairs]))
    assert errors[0] < errors[1] < errors[2]


def test_the_set_is_made_once_and_says_how(source, tmp_path):
    made, fresh = make_compressed_set(source, tmp_path / 'made')
    again, fresh_again = make_compressed_set(source, tmp_path / 'made', jobs=1)
    assert (fresh, fresh_again) == (True, False) and again.checksum == made.checksum
    version = '.'.join(map(str, av.library_versions['libavcodec']))
    assert made.manifest['parameters'] == {'codec': 'libx264', 'crf': 23, 'libavcodec': version}
    assert 'encoded by a video codec' in made.manifest['kinds']['lr_bi']['made_by']
    with pytest.raises(DatasetError, match='made'):
        make_compressed_set(source, tmp_path / 'made', 30)


def test_what_cannot_be_compressed(source, tmp_path, monkeypatch):
    with pytest.raises(DatasetError, match='a CRF of 52: give 0 to 51'):
        make_compressed_set(source, tmp_path / 'made', 52)
    assert main(['sliding-window', str(source), '--output', str(tmp_path / 'lr'), '--window', '4x4',
                 '--step', '1', '--frames', '2', '--on', 'lr']) == 0  # fmt: skip
    with pytest.raises(DatasetError, match='needs HR and LR frames, and has only lr_bd, mask'):
        make_compressed_set(tmp_path / 'lr', tmp_path / 'made')
    monkeypatch.setattr(compress, 'CODEC', 'libx999')
    with pytest.raises(DatasetError, match='PyAV was built without libx999'):
        make_compressed_set(source, tmp_path / 'made')
    assert not (tmp_path / 'made').exists()
