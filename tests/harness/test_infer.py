"""The command that super-resolves a user's own video, frames or image."""

import signal
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from mmagic.registry import MODELS

from dataset_tools.degrade.filters import degrade
from dataset_tools.frames import decode_video, encode_png, read_frame
from harness import infer, video_files
from harness.evaluation.inference import super_resolve
from harness.runs.resets import Reset
from tests.commands import run as run_command

SCRIPT = Path(__file__).resolve().parents[2] / 'harness' / 'infer.py'
CONV_FLOW = dict(type='ConvFlowNet', channels=8)
FRVSR = dict(type='FRVSRNet', mid_channels=8, num_blocks=1, flow_net=CONV_FLOW)
BASICVSR = dict(
    type='StatefulBasicVSRNet', mid_channels=8, num_blocks=1, hr_channels=8, flow_net=CONV_FLOW
)
CODECS = {
    '.mp4': ('libx264', 'yuv420p'),
    '.mkv': ('ffv1', 'bgr0'),
    '.webm': ('libvpx-vp9', 'yuv420p'),
    '.avi': ('mpeg4', 'yuv420p'),
}


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
    """Makes a video file at a rate of 29.97 frames a second, with its index first where it can."""

    def make(suffix='.mp4', frames=5):
        path = tmp_path / f'video{suffix}'
        codec, pixels = CODECS[suffix]
        options = {'movflags': 'faststart'} if suffix == '.mp4' else {}
        with av.open(str(path), 'w', options=options) as container:
            stream = container.add_stream(codec, rate=Fraction(30000, 1001))
            stream.height, stream.width, stream.pix_fmt = 34, 50, pixels
            for frame in lrs(frames):
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format='rgb24')
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        return path

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


@pytest.mark.parametrize('size', [(34, 50), (17, 31)], ids=str)
def test_a_folder_of_frames(save, folder, lrs, tmp_path, capsys, size):
    """In the order of their numbers; the frames keep their names."""
    size = dict(zip(('height', 'width'), size, strict=True))
    config, checkpoint, net = save(FRVSR)
    assert run(config, checkpoint, folder(4, **size), tmp_path / 'out') == 0
    expected = [sr.rgb for sr in super_resolve(net, lrs(4, **size), 'cpu')]
    written = frames_of(tmp_path / 'out')
    assert list(written) == ['img_10.png', 'img_11.png', 'img_8.png', 'img_9.png']
    for number, sr in enumerate(expected, 8):
        assert np.array_equal(written[f'img_{number}.png'], sr)
    printed = capsys.readouterr()
    assert '4/4' in printed.err
    assert f'{tmp_path}/out: 4 frames' in printed.out


@pytest.mark.parametrize('suffix', CODECS)
def test_video_files_of_every_kind(save, video_file, tmp_path, suffix):
    """To a video of the same rate and length, and to frames with numbers."""
    config, checkpoint, net = save(FRVSR)
    path = video_file(suffix)
    expected = np.stack([sr.rgb for sr in super_resolve(net, decode_video(path), 'cpu')])
    assert run(config, checkpoint, path, tmp_path / 'out.mp4') == 0
    with av.open(str(tmp_path / 'out.mp4')) as container:
        stream = container.streams.video[0]
        assert stream.frames == 5 and stream.average_rate == Fraction(30000, 1001)
        assert (stream.codec_context.name, stream.pix_fmt) == ('h264', 'yuv420p')
    decoded = np.stack(list(decode_video(tmp_path / 'out.mp4')))
    assert np.abs(decoded.astype(float) - expected).mean() < 3

    assert run(config, checkpoint, path, tmp_path / 'out') == 0
    written = frames_of(tmp_path / 'out')
    assert list(written) == [f'{number:08d}.png' for number in range(5)]
    assert np.array_equal(np.stack(list(written.values())), expected)


def test_colours_of_an_mp4(tmp_path):
    """Grey would not show a wrong matrix."""
    orange = np.full((32, 48, 3), (220, 90, 30), np.uint8)
    with video_files.open_output(tmp_path / 'a.mp4', None, Fraction(25)) as write:
        write(orange)
    (frame,) = decode_video(tmp_path / 'a.mp4')
    assert np.abs(frame.astype(int) - orange).max() <= 4


@pytest.mark.parametrize('frames', [1, 2])
def test_short_videos_to_mp4(files, folder, tmp_path, frames):
    assert run(*files, folder(frames), tmp_path / 'new' / 'out.mp4', '--fps', '30000/1001') == 0
    with av.open(str(tmp_path / 'new' / 'out.mp4')) as container:
        assert container.streams.video[0].frames == frames
        assert container.streams.video[0].average_rate == Fraction(30000, 1001)
    assert [path.name for path in (tmp_path / 'new').iterdir()] == ['out.mp4']


def test_one_image(files, tmp_path, lrs):
    (tmp_path / 'photo.png').write_bytes(encode_png(lrs(1)[0]))
    assert run(*files, tmp_path / 'photo.png', tmp_path / 'out') == 0
    assert frames_of(tmp_path / 'out')['photo.png'].shape == (136, 200, 3)


@pytest.mark.parametrize('states', ['disk', 'segments', 'memory'])
def test_options_reach_the_engine(save, folder, lrs, tmp_path, states):
    config, checkpoint, net = save(BASICVSR)
    options = ['--states', states, '--reset-every', 3, '--dtype', 'bfloat16', '--device', 'cpu']
    assert run(config, checkpoint, folder(7), tmp_path / 'out', *options) == 0
    written = frames_of(tmp_path / 'out').values()
    expected = super_resolve(net, lrs(7), 'cpu', reset=Reset(3), dtype=torch.bfloat16)
    expected = {sr.rgb.tobytes() for sr in expected}
    assert {frame.tobytes() for frame in written} == expected and len(written) == 7


def test_a_network_without_weights_and_config_options(folder, tmp_path):
    config = tmp_path / 'bicubic.py'
    config.write_text('model = dict(type="RecurrentVSR", generator=dict(type="FRVSRNet"))\n')
    option = ['--cfg-options', 'model.generator.type=BicubicUpsampler']
    assert run(config, 'none', folder(2), tmp_path / 'out', *option) == 0
    assert len(frames_of(tmp_path / 'out')) == 2
    message = error_of(config, 'none', tmp_path / 'frames', tmp_path / 'other')
    assert 'this network has weights; give a checkpoint file' in message


def test_unusable_inputs(files, tmp_path, video_file):
    out = tmp_path / 'out'
    assert 'absent: no such file' in error_of(*files, tmp_path / 'absent', out)
    (tmp_path / 'empty').mkdir()
    assert 'empty: no frames in this folder' in error_of(*files, tmp_path / 'empty', out)
    (tmp_path / 'a.mp4').write_bytes(b'no video at all')
    assert 'a.mp4: cannot be opened' in error_of(*files, tmp_path / 'a.mp4', out)
    (tmp_path / 'a.png').write_bytes(b'no image at all')
    assert 'a.png: not an image' in error_of(*files, tmp_path / 'a.png', out)
    assert 'no.pth: no such file' in error_of(files[0], 'no.pth', video_file(), out)
    (tmp_path / 'damaged.pth').write_bytes(files[1].read_bytes()[:5000])
    message = error_of(files[0], tmp_path / 'damaged.pth', tmp_path / 'video.mp4', out)
    assert 'damaged.pth: is damaged or cut off' in message
    message = error_of(files[0], tmp_path / 'a.png', tmp_path / 'video.mp4', out)
    assert 'a.png: ' in message
    assert not out.exists()


@pytest.mark.parametrize('generator', [FRVSR, BASICVSR], ids=['frvsr', 'basicvsr'])
def test_a_damaged_frame_in_the_middle(save, folder, tmp_path, generator):
    """What is written are whole frames; a bidirectional network writes none."""
    path = folder(4) / 'img_10.png'
    path.write_bytes(path.read_bytes()[:200])
    message = error_of(*save(generator)[:2], path.parent, tmp_path / 'out')
    assert 'img_10.png: not an image, or a damaged one' in message
    out = tmp_path / 'out'
    if generator == FRVSR:
        assert list(frames_of(out)) == ['img_8.png', 'img_9.png']
    else:
        assert not out.exists()


@pytest.mark.parametrize('output', ['out', 'out.mp4'])
def test_a_truncated_video(files, video_file, tmp_path, output):
    path = video_file(frames=30)
    path.write_bytes(path.read_bytes()[:-2000])
    assert 'video.mp4: ' in error_of(*files, path, tmp_path / output)
    if output == 'out':
        assert all(frame.shape == (136, 200, 3) for frame in frames_of(tmp_path / 'out').values())
    else:
        assert not list(tmp_path.glob('*out*'))


@pytest.mark.parametrize('rate', ['0', '-25', '1/0', 'fast'])
def test_frame_rates_that_are_none(files, folder, tmp_path, capsys, rate):
    with pytest.raises(SystemExit) as caught:
        infer.main([*map(str, files), str(folder(2)), str(tmp_path / 'out'), f'--fps={rate}'])
    assert caught.value.code == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.endswith(f"argument --fps: must be a number above 0, got '{rate}'")


def test_frames_of_different_sizes(files, folder, tmp_path, lrs):
    path = folder(4)
    (path / 'img_10.png').write_bytes(encode_png(lrs(1, 20, 30)[0]))
    message = error_of(*files, path, tmp_path / 'out')
    assert 'img_10.png: frame is 30x20, but img_8.png is 50x34' in message


def test_unusable_outputs(files, folder, tmp_path):
    path = folder(2)
    assert 'frames: is or holds the input' in error_of(*files, path, path, '--overwrite')
    image = path / 'img_8.png'
    assert 'frames: is or holds the input' in error_of(*files, image, path, '--overwrite')
    assert 'ends in .mp4' in error_of(*files, path, tmp_path / 'out.avi')
    (tmp_path / 'file').write_text('x')
    assert 'file: is a file' in error_of(*files, path, tmp_path / 'file', '--overwrite')
    (tmp_path / 'dir.mp4').mkdir()
    assert 'dir.mp4: is a folder' in error_of(*files, path, tmp_path / 'dir.mp4')
    for name in ('out', 'out.mp4'):
        message = error_of(*files, path, tmp_path / 'file' / name)
        assert f'file/{name}: cannot be written (' in message
    message = error_of(*files, path, tmp_path / 'out', '--device', 'toaster')
    assert '--device toaster: Expected one of cpu' in message
    assert len(list(path.iterdir())) == 2 and not (tmp_path / 'out').exists()


def test_nothing_is_overwritten_silently(files, folder, tmp_path):
    path, out, mp4 = folder(2), tmp_path / 'out', tmp_path / 'out.mp4'
    out.mkdir()
    for name in ('00000007.png', 'notes.txt'):
        (out / name).write_text('from before')
    mp4.write_text('from before')
    for output in (out, mp4):
        message = error_of(*files, path, output)
        assert f'{output}: exists; give another name or --overwrite' in message
    assert mp4.read_text() == 'from before' and len(list(out.iterdir())) == 2

    assert run(*files, path, out, '--overwrite') == 0
    assert {path.name for path in out.iterdir()} == {'img_8.png', 'img_9.png', 'notes.txt'}
    (path / 'img_9.png').write_bytes(b'damaged')
    assert 'damaged' in error_of(*files, path, mp4, '--overwrite')
    assert mp4.read_text() == 'from before'
    (path / 'img_9.png').unlink()
    assert run(*files, path, mp4, '--overwrite') == 0
    assert len(list(decode_video(mp4))) == 1


def test_frames_that_are_not_finite_are_counted(save, folder, tmp_path, capsys):
    config, checkpoint, net = save(FRVSR)
    net.tail[4].weight.data.fill_(3e38)  # finite itself
    weights = {f'generator.{name}': x for name, x in net.state_dict().items()}
    torch.save(dict(state_dict=weights), checkpoint)
    assert run(config, checkpoint, folder(2), tmp_path / 'out') == 0
    told = f'warning: {tmp_path}/out: 2 SR frames have NaN or infinite pixels; NaN is taken for'
    assert told in capsys.readouterr().err


@pytest.mark.parametrize('name, left', [('out', ['img_8.png', 'img_9.png']), ('out.mp4', [])])
def test_interrupted(files, folder, tmp_path, monkeypatch, capsys, name, left):
    """Ctrl-C while the third frame is read."""

    def interrupt(paths):
        yield from map(read_frame, paths[:2])
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(video_files, 'read_frames', interrupt)
    assert run(*files, folder(4), tmp_path / 'new' / name) == 130
    assert sorted(path.name for path in (tmp_path / 'new').rglob('*.*')) == left
    said = 'not written' if name == 'out.mp4' else 'has 2 whole frames'
    assert f'interrupted; {tmp_path}/new/{name}: {said}' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('number', 'code', 'left'),
    [('SIGTERM', 128 + 15, []), ('SIGHUP', 128 + 1, []), ('SIGKILL', -9, ['.out.mp4.part'])],
)
def test_stopped_in_the_middle_of_an_mp4(files, folder, tmp_path, number, code, left):
    """What a killed call leaves, the next one clears away."""
    script = f"""
import os, signal, sys
from harness import infer, video_files
from dataset_tools.frames import read_frame

def stop(paths):
    yield from map(read_frame, paths[:2])
    os.kill(os.getpid(), signal.{number})
    yield from map(read_frame, paths[2:])

if sys.argv[1] == 'stop':
    video_files.read_frames = stop
sys.exit(infer.main(sys.argv[2:]))
"""
    (tmp_path / 'command.py').write_text(script)
    output = tmp_path / 'new' / 'out.mp4'
    output.parent.mkdir()
    frames = folder(4)

    def call(what):
        return run_command([tmp_path / 'command.py', what, *files, frames, output])

    done = call('stop')
    assert done.returncode == code, done.stderr
    assert [path.name for path in output.parent.iterdir()] == left
    done = call('go')
    assert done.returncode == 0, done.stderr
    assert [path.name for path in output.parent.iterdir()] == ['out.mp4']


def test_interrupted_while_a_frame_is_written(files, folder, tmp_path, monkeypatch):
    frames, write = folder(2), Path.write_bytes

    def half(path, data):
        write(path, data[: len(data) // 2])
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Path, 'write_bytes', half)
    assert run(*files, frames, tmp_path / 'out') == 130
    assert not (tmp_path / 'out').exists()


def test_help_imports_nothing_heavy():
    command = [sys.executable, '-X', 'importtime', str(SCRIPT), '--help']
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0
    modules = {line.rsplit('|', 1)[-1].strip() for line in done.stderr.splitlines()}
    assert not modules & {'torch', 'mmagic', 'mmengine', 'av', 'numpy'}
    assert 'examples:' in done.stdout and '--reset-every' in done.stdout
