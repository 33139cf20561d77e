"""What the tests of infer.py share: small networks, LR frames, and calls of the command."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from mmagic.registry import MODELS

from dataset_tools.degrade.filters import degrade
from dataset_tools.frames import encode_png, read_frame
from harness import infer
from tests.videos import write_file

CONV_FLOW = dict(type='ConvFlowNet', channels=8)
FRVSR = dict(type='FRVSRNet', mid_channels=8, num_blocks=1, flow_net=CONV_FLOW)
BASICVSR = dict(
    type='StatefulBasicVSRNet', mid_channels=8, num_blocks=1, hr_channels=8, flow_net=CONV_FLOW
)


@pytest.fixture
def save(tmp_path):
    """Writes config and checkpoint of a network, and gives both and the network."""

    def write(generator):
        model = MODELS.build(dict(type='RecurrentVSR', generator=generator))
        (tmp_path / 'config.py').write_text(
            f'model = dict(type="RecurrentVSR", generator={generator})\n'
        )
        torch.save(dict(state_dict=model.state_dict(), meta={}), tmp_path / 'net.pth')
        return tmp_path / 'config.py', tmp_path / 'net.pth', model.generator

    return write


@pytest.fixture
def files(save):
    """Config and checkpoint of a small FRVSR."""
    return save(FRVSR)[:2]


@pytest.fixture
def lrs(photographs):
    """Makes moving LR frames."""
    still = degrade(photographs[0], 'bd')

    def make(frames, height=34, width=50):
        return [still[20 + t :, 2 * t :][:height, :width] for t in range(frames)]

    return make


@pytest.fixture
def folder(tmp_path, lrs):
    """Makes a folder of frames in whose names 9 comes before 10."""

    def make(frames=4, **size):
        path = tmp_path / 'frames'
        path.mkdir()
        for number, frame in enumerate(lrs(frames, **size), 8):
            (path / f'img_{number}.png').write_bytes(encode_png(frame))
        return path

    return make


@pytest.fixture
def video_file(tmp_path, lrs):
    """Makes a video file at a rate of 29.97 frames a second."""

    def make(suffix='.mp4', frames=5, name='video', **options):
        path = tmp_path / f'{name}{suffix}'
        return write_file(path, lrs(frames), rate=Fraction(30000, 1001), **options)

    return make


def run(*args):
    return infer.main([str(arg) for arg in args])


def error_of(*args):
    with pytest.raises(SystemExit) as stop:
        run(*args)
    assert '\n' not in stop.value.code
    return stop.value.code


def frames_of(folder):
    """Name -> frame; there is nothing but frames."""
    return {path.name: read_frame(path) for path in sorted(folder.iterdir())}
