"""The command that super-resolves a user's own video, frames or image."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from dataset_tools.frames import encode_png
from dataset_tools.video import decode_video
from harness import infer
from harness.evaluation.inference import super_resolve
from harness.runs.resets import Reset
from tests.harness.infer.conftest import BASICVSR, FRVSR, error_of, frames_of, run

SCRIPT = Path(__file__).resolve().parents[3] / 'harness' / 'infer.py'


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


def test_one_image(save, tmp_path, lrs):
    """Upright, as its EXIF entry tells."""
    config, checkpoint, net = save(FRVSR)
    exif, file = Image.Exif(), io.BytesIO()
    exif[0x0112] = 6
    Image.fromarray(lrs(1)[0]).save(file, 'png', exif=exif.tobytes())
    (tmp_path / 'photo.png').write_bytes(file.getvalue())
    assert run(config, checkpoint, tmp_path / 'photo.png', tmp_path / 'out') == 0
    (sr,) = super_resolve(net, [np.rot90(lrs(1)[0], -1).copy()], 'cpu')
    assert sr.rgb.shape == (200, 136, 3)
    assert np.array_equal(frames_of(tmp_path / 'out')['photo.png'], sr.rgb)


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
    assert 'this network needs weights; give a checkpoint file' in message


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
    assert 'damaged.pth: is damaged or truncated' in message
    message = error_of(files[0], tmp_path / 'a.png', tmp_path / 'video.mp4', out)
    assert 'a.png: ' in message
    assert not out.exists()


@pytest.mark.parametrize('output', ['out', 'out.mp4'])
@pytest.mark.parametrize('generator', [FRVSR, BASICVSR], ids=['frvsr', 'basicvsr'])
def test_a_damaged_frame_in_the_middle(save, folder, tmp_path, generator, output):
    """The frames before it are a video of their own."""
    path = folder(4) / 'img_10.png'
    path.write_bytes(path.read_bytes()[:200])
    message = error_of(*save(generator)[:2], path.parent, tmp_path / output)
    assert 'img_10.png: not an image, or a damaged one' in message
    assert message.endswith(f'{output} has the 2 frames that could be read')
    if output == 'out':
        assert list(frames_of(tmp_path / 'out')) == ['img_8.png', 'img_9.png']
    else:
        assert len(list(decode_video(tmp_path / output))) == 2


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
    assert 'frames: is or contains the input' in error_of(*files, path, path, '--overwrite')
    image = path / 'img_8.png'
    assert 'frames: is or contains the input' in error_of(*files, image, path, '--overwrite')
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
    (path / 'img_8.png').write_bytes(b'damaged')
    assert 'damaged' in error_of(*files, path, mp4, '--overwrite')
    assert mp4.read_text() == 'from before'
    (path / 'img_8.png').unlink()
    assert run(*files, path, mp4, '--overwrite') == 0
    assert len(list(decode_video(mp4))) == 1


def test_help_imports_nothing_heavy():
    command = [sys.executable, '-X', 'importtime', str(SCRIPT), '--help']
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0
    modules = {line.rsplit('|', 1)[-1].strip() for line in done.stderr.splitlines()}
    assert not modules & {'torch', 'mmagic', 'mmengine', 'av', 'numpy'}
    assert 'examples:' in done.stdout and '--reset-every' in done.stdout


def test_frames_that_are_not_finite_are_counted(save, folder, tmp_path, capsys):
    config, checkpoint, net = save(FRVSR)
    net.tail[4].weight.data.fill_(3e38)  # finite itself
    weights = {f'generator.{name}': x for name, x in net.state_dict().items()}
    torch.save(dict(state_dict=weights), checkpoint)
    assert run(config, checkpoint, folder(2), tmp_path / 'out') == 0
    told = f'warning: {tmp_path}/out: 2 SR frames have NaN or infinite pixels; NaN is scored as'
    assert told in capsys.readouterr().err
