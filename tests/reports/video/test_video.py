"""Videos of results, from frames that evaluations saved."""

import av
import numpy as np
import pytest
from PIL import Image

from reports.__main__ import main
from reports.results import load_grid
from reports.video.drawing import LABEL, MARGIN
from reports.video.frames import Frames, choose

T, SIZE = 6, (40, 60)
LEVELS = {'gt': 200, 'bicubic': 100}


def picture(who, frame):
    if frame == 'profile':
        return np.zeros((T, SIZE[1], 3), np.uint8)
    level = LEVELS.get(who, 20 if '-RI-' in who else 150)
    return np.full((*SIZE, 3), level + frame, np.uint8)


@pytest.fixture
def work_dir(fake):
    fake.test_set('static', 'Static', a=T)
    for strategy, repeats in (('RI', None), ('PI', 8)):
        run = fake.run('net', strategy, repeats=repeats)
        fake.done(run, lambda video, frame: 25.0 + np.asarray(frame))
    fake.pictures('static', 'a', range(T), picture)
    return fake.save()


def decoded(path):
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format='rgb24') for frame in container.decode(video=0)]


def make(work_dir, *options):
    return main(['video', str(work_dir), '--set', 'static', '--video', 'a', *options])


def test_side_by_side(work_dir, capsys):
    assert make(work_dir) == 0
    mp4, gif = (work_dir / 'report' / f'static_a.{end}' for end in ('mp4', 'gif'))
    assert capsys.readouterr().out.split() == [str(mp4), str(gif)]
    frames = decoded(mp4)
    assert len(frames) == T
    width = 3 * SIZE[1]  # enlarged by 3
    for number in (0, T - 1):
        row = frames[number][LABEL + 50]
        middles = [row[MARGIN + i * (width + MARGIN) + width // 2].mean() for i in range(4)]
        assert middles == pytest.approx([v + number for v in (200, 100, 20, 150)], abs=4)
    below = slice(LABEL + 3 * SIZE[0], None)
    assert np.abs(frames[0][below].astype(int) - frames[-1][below]).max() > 50  # the curve goes on
    assert Image.open(gif).n_frames == T // 2


def test_a_wipe_of_chosen_methods(work_dir, tmp_path):
    names = ['--methods', 'NET w/ RI', 'NET w/ PI (R=8)']
    more = ['--layout', 'wipe', '--frames', '2:5', '--formats', 'mp4', '--fps', '10']
    assert make(work_dir, *names, *more, '--output', str(tmp_path / 'talk')) == 0
    frames = decoded(tmp_path / 'talk.mp4')
    assert len(frames) == 3 and not (tmp_path / 'talk.gif').exists()
    row = frames[2][LABEL + 50].mean(axis=-1)  # frame 4, the boundary at 2 / 60 of the picture
    assert row[MARGIN + 2] == pytest.approx(24, abs=6) and row[120] == pytest.approx(154, abs=4)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['--set', 'none'], '--set none: there are static'),
        (['--video', 'b'], '--video b: static has a'),
        (['--methods', 'RI'], "--methods 'RI': there are 'GT', 'Bicubic', 'NET w/ RI'"),
        (['--frames', '9:'], '--frames 9:: no frame of the 6 is in it'),
        (['--frames', 'x'], '--frames x: must look like 0:150'),
        (['--layout', 'wipe', '--methods', 'GT'], '--layout wipe: needs two methods'),
    ],
)
def test_wrong_options(work_dir, options, message):
    with pytest.raises(SystemExit) as error:
        make(work_dir, *options)
    assert str(error.value).startswith(f'error: {message}')


def test_pictures_that_do_not_belong_together(work_dir):
    """Another crop, and a file that is cut off."""
    (folder,) = work_dir.glob('runs/net-PI-*/images_static/a')
    first = folder / '00000000.png'
    whole = first.read_bytes()
    Image.open(first).crop((0, 0, 40, 40)).save(first)
    with pytest.raises(SystemExit, match='a: saved frames have different crops; evaluate again'):
        make(work_dir)
    first.write_bytes(whole[:60])
    with pytest.raises(SystemExit, match='00000000.png: is damaged; delete it'):
        make(work_dir)


def test_nothing_is_finished(work_dir):
    for path in work_dir.glob('runs/*/frames_static.csv'):
        path.unlink()
    with pytest.raises(SystemExit, match='--set static: no evaluation on it is finished'):
        make(work_dir)


def test_what_must_be_run_again(work_dir, monkeypatch):
    """If one frame is missing, all are made again, in a separate process."""
    (kept,) = work_dir.glob('runs/net-PI-*/images_static/a/00000003.png')
    kept.unlink()
    commands = []

    def run(command, check):
        commands.append(command)
        return type('Done', (), {'returncode': 1})

    monkeypatch.setattr('reports.video.__main__.subprocess.run', run)
    with pytest.raises(SystemExit, match='error: a: frames are not saved, and could not be made'):
        make(work_dir)
    trials = list(load_grid(work_dir).method_of)
    assert commands[0][1:3] == ['-m', 'harness.grid.frames']
    assert commands[0][-2:] == trials
    grid = load_grid(work_dir)
    shown = choose(grid, 'static', 'a', ['GT', 'NET w/ RI'])
    assert Frames(work_dir, grid, 'static', 'a', shown).missing() == []
    shown = choose(grid, 'static', 'a', ['GT', 'NET w/ PI (R=8)'])
    assert Frames(work_dir, grid, 'static', 'a', shown).missing() == [trials[1]]
