"""The papers' figures from synthetic work directories with real PNG files."""

import numpy as np
import pytest
from matplotlib.colors import to_rgba
from PIL import Image

from reports.__main__ import main
from reports.figures.papers import choices, phenomena, presets, ristn, strategies
from reports.figures.papers.choices import Lacks
from reports.figures.saved_images import SavedImages
from reports.figures.style import RED
from reports.results import load_grid

TRUTH = np.random.default_rng(0).integers(60, 200, (48, 64, 3), dtype=np.uint8)
CHANGED = (slice(0, 16), slice(40, 56))  # where RI is wrong


def open_grid(fake):
    grid = load_grid(fake.save())
    return grid, SavedImages(fake.work_dir, grid)


def shown(figure):
    """All pictures of a figure as (H, W, 3) arrays, in the order they were drawn."""
    return [image.get_array() for axes in figure.axes for image in axes.images]


def words(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts if text.get_text()]


def red_windows(figure, count=1, size=(48, 64)):
    """(top, left, height, width) in pixels of the red rectangles in the first pictures."""
    axes = figure.axes[0]
    reds = [patch for patch in axes.patches if patch.get_edgecolor() == to_rgba(RED)]
    assert len(reds) == count
    found = []
    for red in reds:
        for image in axes.images:
            left, right, bottom, top = image.get_extent()
            if left <= red.get_x() < right and top <= red.get_y() < bottom:
                x, y = size[1] / (right - left), size[0] / (bottom - top)
                place = ((red.get_y() - top) * y, (red.get_x() - left) * x)
                found.append(tuple(map(round, (*place, red.get_height() * y, red.get_width() * x))))
                break
    return found


def draw(who, frame):
    """RI is wrong in one corner, the more the later; the rest is the truth."""
    picture = TRUTH.copy()
    if '-RI-' in who:
        picture[CHANGED] -= np.uint8(50 if frame == 'profile' else min(3 * frame, 60))
    return picture


@pytest.fixture
def pair(fake):
    """FRVSR by RI and PI: PI gains over RI in one short video, in another it begins below it."""
    fake.grid_json['networks']['frvsr'] = {'label': 'Ours', 'paper': 'FRVSR'}
    fake.test_set('short', 'Short', walk=20, city=20)
    fake.test_set('stills', 'Stills', busy=120, flat=120)
    fake.grid_json['test_sets']['stills']['made_by'] = {'tool': 'static', 'parameters': {}}
    psnr = {
        'RI': lambda video, t: 20.0 + 3 * (video == 'city') - (0.1 if len(t) == 20 else 0) * t,
        'PI': lambda video, t: 22 + (0.0 if len(t) == 20 else 3.0) + 0 * t,
    }
    for strategy, rule in psnr.items():
        repeats = 8 if strategy == 'PI' else None
        fake.done(fake.run('frvsr', strategy, repeats=repeats), rule, ms=100.0)
    for video in ('walk', 'city'):
        fake.pictures('short', video, [0, 19], draw)
    fake.pictures('stills', 'busy', [0, 60, 119], draw)

    def flat(who, frame):
        return np.full_like(TRUTH, 128)

    fake.pictures('stills', 'flat', [0, 60, 119], flat)
    return fake


def test_success_and_failure(pair):
    grid, images = open_grid(pair)
    figure = strategies.extreme_frames(grid, images, 'FRVSR', short=True)
    whole, truth, ri, pi = shown(figure)
    assert np.array_equal(whole, TRUTH) and np.array_equal(truth, pi)
    ((top, left, height, width),) = red_windows(figure)
    assert (top, height, width) == (0, 32, 32) and 24 <= left <= 32
    assert np.array_equal(truth, TRUTH[:32, left : left + 32])
    found = words(figure)
    assert {'GT', 'w/ RI', 'w/ PI (R=8)', 'Ours', '18.10 dB', '22.00 dB'} <= set(found)
    assert any(text.replace('\n', ' ') == 'walk of Short, t = 19: +3.90 dB' for text in found)
    worst = strategies.extreme_frames(grid, images, 'FRVSR', short=True, better=False)
    text = ' '.join(words(worst)).replace('\n', ' ')
    assert 'city of Short, t = 0: -1.00 dB' in text
    history = worst.axes[1]
    assert [len(line.get_xdata()) for line in history.lines] == [2, 20, 20]
    long = strategies.extreme_frames(grid, images, 'FRVSR', short=False)
    assert 't = 0: +5.00 dB' in ' '.join(words(long))
    with pytest.raises(Lacks, match="a network with paper='BasicVSR'"):
        strategies.extreme_frames(grid, images, 'BasicVSR', short=True)


def test_length_and_texture(pair):
    grid, images = open_grid(pair)
    figure = phenomena.length_and_texture(grid, images)
    pictures = shown(figure)
    assert len(pictures) == 2 * 4  # ground truth and three frames
    for picture, frame in zip(pictures[1:4], (0, 60, 119), strict=True):
        assert np.array_equal(picture, draw('frvsr-RI-', frame))
    assert all((picture == 128).all() for picture in pictures[4:])
    text = ' '.join(words(figure)).replace('\n', ' ')
    assert text.index('dense texture: busy') < text.index('less texture: flat')
    assert text.count('t = 119') == 2 and text.count('20.00 dB') == 6
    assert choices.texture(TRUTH) > 10 > choices.texture(pictures[-1]) == 0


def test_motion(pair):
    pair.test_set('slide', 'Slide', a_s1=30, a_s4=30, b_s1=30, other=30)
    for run in pair.grid_json['runs']:
        pair.frames(run['run_id'], 'slide', lambda _, t: 19.0 + 0 * t)
    masks = {'a_s1': (4, 8, 40, 48), 'a_s4': (10, 12, 20, 30), 'b_s1': (0, 0, 48, 64)}
    for video in (*masks, 'other'):
        pair.pictures('slide', video, [0, 29], draw)
    grid, images = open_grid(pair)
    with pytest.raises(Lacks, match='sliding windows .* at two steps'):
        phenomena.motion(grid, images)
    for video, (top, left, height, width) in masks.items():
        mask = np.zeros((48, 64), np.uint8)
        mask[top : top + height, left : left + width] = 255
        path = pair.work_dir / f'references/slide/{video}/00000029_mask.png'
        Image.fromarray(mask).save(path)
    figure = phenomena.motion(grid, images)
    assert [np.array_equal(p, draw('-RI-', 29)) for p in shown(figure)] == [True, True]
    assert red_windows(figure, 2) == [masks['a_s1'], masks['a_s4']]
    assert [w for w in words(figure) if w.startswith('s = ')] == ['s = 1', 's = 4']


def test_brightness(pair):
    """Of sets made by one tool, and of a set whose videos are each made in their own way."""
    large = {'g_min': 0.5, 'g_max': 2.0}
    small = {'tool': 'gamma', 'g_min': 0.9, 'g_max': 1.1}
    for key, made in (
        ('large', {'tool': 'gamma', 'parameters': large}),
        ('small', {'tool': 'sample', 'parameters': {'videos': {'busy': small}}}),
    ):
        pair.test_set(key, key, busy=50)
        pair.grid_json['test_sets'][key]['made_by'] = made
        for run in pair.grid_json['runs']:
            pair.frames(run['run_id'], key, lambda _, t: 18.0 + 0 * t)
        pair.pictures(key, 'busy', [0, 49], draw)
    grid, images = open_grid(pair)
    figure = phenomena.brightness(grid, images)
    above = [text for text in words(figure) if text.startswith('γ')]
    assert above == ['γ from 0.90 to 1.10', 'γ from 0.50 to 2.00']
    # the first of all squares of 16 pixels that hold what is wrong
    assert red_windows(figure, 2) == [(0, 40, 16, 16)] * 2


def test_training_sets_and_repeats(pair):
    grid, images = open_grid(pair)
    with pytest.raises(Lacks, match='by Ours trained on two sets'):
        strategies.training_sets(grid, images, 'FRVSR')
    with pytest.raises(Lacks, match='two R'):
        strategies.repeats(grid)
    pair.grid_json['train_sets']['reds'] = {'label': 'REDS'}
    other = pair.run('frvsr', 'PI', repeats=2, train_set='reds')
    pair.done(other, lambda _, t: 15.0 + 0 * t, ms=300.0)
    pair.pictures('stills', 'busy', [0, 60, 119], draw)
    more = pair.run('frvsr', 'PI', repeats=2)
    pair.done(more, lambda _, t: 25.0 + 0 * t, ms=200.0)
    grid, images = open_grid(pair)
    assert any('on REDS' in word for word in words(strategies.training_sets(grid, images, 'FRVSR')))
    assert {'R=2', 'R=8'} <= set(words(strategies.repeats(grid)))


@pytest.fixture
def tables(fake):
    """Networks of RISTN's tables, of which STCN has no pictures, on Vid4 and Set5."""
    names = {'bic': 'Bic', 'rdn': 'RDN', 'rib': 'RIB', 'ristn': 'RISTN', 'stcn': 'STCN', 'x': None}
    for key, videos in {'vid4': dict(Walk=10, calendar=10), 'set5': dict(baby=1)}.items():
        fake.test_set(key, key, **videos)
        fake.grid_json['test_sets'][key]['paper'] = key.capitalize()
    for at, (key, paper) in enumerate(names.items()):
        entry = {'label': f'my {key}', **({'paper': paper} if paper else {})}
        fake.grid_json['networks'][key] = entry
        fake.done(
            fake.run(key, None if key == 'bic' else 'RI'), lambda _, t, v=at: 20.0 + v + 0 * t
        )

    def own(who, frame):
        return TRUTH - np.uint8(len(who.split('-')[0]))

    for key, video in (('vid4', 'Walk'), ('vid4', 'calendar'), ('set5', 'baby')):
        fake.pictures(key, video, [0], own)
        for path in (fake.work_dir / f'runs/stcn-RI-RNone-sample-s0/images_{key}').rglob('*.png'):
            path.unlink()
    return fake


def test_networks_of_the_tables_in_their_order(tables):
    grid, images = open_grid(tables)
    figure = ristn.video(grid, images, 'calendar')
    names = [word for word in words(figure) if not word.endswith('dB')]
    assert names == ['Bic', 'RDN', 'RISTN', 'GT']
    bic, rdn, _, truth = shown(figure)
    assert all(part.shape == (48, 48, 3) for part in (bic, rdn, truth))
    assert (truth.astype(int) - rdn == 3 - 2).all()
    assert [word for word in words(figure) if word.endswith('dB')] == [
        '20.00 dB',
        '21.00 dB',
        '23.00 dB',
    ]
    spatial = [word for word in words(ristn.spatial(grid, images)) if not word.endswith('dB')]
    assert spatial == ['Bic', 'RDN', 'RIB', 'GT']
    profiles = ristn.profiles(grid, images, 'walk')
    assert [picture.shape for picture in shown(profiles)] == [TRUTH.shape] * 4


def test_running_time(tables):
    grid, _ = open_grid(tables)
    (axis,) = ristn.running_time(grid).axes
    assert {'Bic', 'RDN', 'RISTN', 'STCN'} == {t.get_text() for t in axis.texts}
    assert sorted(axis.lines[0].get_ydata()) == [20.0, 21.0, 23.0, 24.0]
    assert set(axis.lines[0].get_xdata()) == {5.0}


def test_command(pair, monkeypatch, capsys):
    """What can be made is written, and what the others lack is said."""
    assert len(presets.PRESETS) == 15 == len({preset.name for preset in presets.PRESETS})
    wanted = ('PI-BPTT Fig. 2', 'PI-BPTT Fig. 13', 'RISTN Fig. 9')
    chosen = tuple(preset for preset in presets.PRESETS if preset.what in wanted)
    monkeypatch.setattr(presets, 'PRESETS', chosen)
    pair.save()
    assert main([str(pair.work_dir), '--paper-figures']) == 0
    folder = pair.work_dir / 'report' / 'paper_figures'
    files = ['figures.tex', 'pi_bptt_fig02.pdf', 'pi_bptt_fig02.png']
    assert sorted(path.name for path in folder.iterdir()) == files
    assert (folder / 'figures.tex').read_text().count('\\begin{figure*}') == 1
    first, second, third = capsys.readouterr().out.splitlines()
    assert first == f'PI-BPTT Fig. 2   {folder}/pi_bptt_fig02.png'
    assert second.startswith('PI-BPTT Fig. 13  not drawn: the grid lacks a network trained by')
    assert third.startswith('RISTN Fig. 9     not drawn: the grid lacks saved pictures of the')


def test_a_figure_that_fails_costs_no_other(pair, monkeypatch, capsys):
    def broken(grid, images):
        raise ValueError('no colours left')

    first = presets.PRESETS[0]._replace(draw=broken)
    monkeypatch.setattr(presets, 'PRESETS', (first, presets.PRESETS[3]))
    pair.save()
    assert main([str(pair.work_dir), '--paper-figures']) == 1
    captured = capsys.readouterr()
    assert 'error: PI-BPTT Fig. 2 could not be written: ValueError: no colours left' in captured.err
    assert captured.out.splitlines()[0].startswith('PI-BPTT Fig. 7')
