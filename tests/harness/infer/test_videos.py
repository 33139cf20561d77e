"""Video files in and out of infer.py."""

from fractions import Fraction

import av
import numpy as np
import pytest

from dataset_tools.video import count_pictures, decode_video, read_header
from harness import video_files
from harness.evaluation.inference import super_resolve
from tests.harness.infer.conftest import BASICVSR, FRVSR, error_of, frames_of, run
from tests.videos import copy_file, cut_off


@pytest.mark.parametrize('suffix', ['.mp4', '.mkv', '.webm', '.avi'])
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


@pytest.mark.parametrize('output', ['out', 'out.mp4'])
@pytest.mark.parametrize('suffix', ['.mp4', '.mkv'])
@pytest.mark.parametrize('generator', [FRVSR, BASICVSR], ids=['frvsr', 'basicvsr'])
def test_a_video_that_is_cut_off(save, video_file, tmp_path, generator, suffix, output):
    """What is there is super-resolved and kept, and nobody takes it for the whole."""
    config, checkpoint, net = save(generator)
    path = video_file(suffix, frames=12)
    whole = list(decode_video(path))
    cut_off(path, 0.7)
    message = error_of(config, checkpoint, path, tmp_path / output)
    number = count_pictures(path)[0]
    assert 1 < number < 12
    assert f'video{suffix}: ' in message and '; download or copy the file again; ' in message
    assert message.endswith(f'{output} has the {number} frames that could be read')
    expected = [sr.rgb for sr in super_resolve(net, whole[:number], 'cpu')]
    if output == 'out':
        written = list(frames_of(tmp_path / 'out').values())
        assert np.array_equal(np.stack(written), np.stack(expected))
    else:
        assert count_pictures(tmp_path / output) == (number, None)
    assert not [found for found in tmp_path.iterdir() if found.name.startswith('.')]


def test_a_trimmed_video(files, video_file, tmp_path, capsys):
    """An edit list hides frames that the header counts."""
    whole = video_file(frames=12, options={'g': '4', 'bf': '0'})
    path = copy_file(whole, tmp_path / 'trimmed.mov', hidden=8)
    assert run(*files, path, tmp_path / 'out.mp4') == 0
    assert count_pictures(tmp_path / 'out.mp4') == (4, None)
    assert '4/4' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('degrees', 'size', 'aspect'), [(0, (136, 200), (4, 3)), (90, (200, 136), (3, 4))]
)
def test_an_mp4_is_upright_and_keeps_the_shape_of_pixels(
    files, video_file, tmp_path, degrees, size, aspect
):
    path = video_file(frames=2, rotation=degrees, pixel_aspect=Fraction(4, 3))
    assert run(*files, path, tmp_path / 'out.mp4') == 0
    header = read_header(tmp_path / 'out.mp4')
    assert (header.height, header.width) == size
    assert header.pixel_aspect == Fraction(*aspect)
    with av.open(str(tmp_path / 'out.mp4')) as container:
        assert next(container.decode(video=0)).rotation == 0


def test_notes_on_a_video(files, video_file, tmp_path, monkeypatch, capsys):
    """Which matrix was assumed, said before the work begins."""
    monkeypatch.setattr('dataset_tools.video._HD_HEIGHT', 34)
    path = video_file(frames=1)
    assert run(*files, path, tmp_path / 'out') == 0
    note = f'note: {path}: is HD without a colour matrix; BT.601 is assumed, as in FFmpeg'
    assert capsys.readouterr().out.splitlines()[0] == note
