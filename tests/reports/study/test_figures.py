"""The figures of the study show the numbers of its grids."""

import pytest

from reports.results import load_grid
from reports.study.figures import cure_figure, stills_figure


def test_psnr_against_iterations_of_training_on(fake):
    fake.test_set('static', 'Static', one=120)
    psnr = {'a': (10.0, 20.0, 12.0), 'b': (12.0, 21.0, 11.0)}
    for network, (start, cured, control) in psnr.items():
        fake.done(fake.run(network), lambda video, t, v=start: v + 0 * t)
        fake.done(fake.run(network, 'PI', repeats=8), lambda video, t, v=cured: v + 0 * t)
        fake.done(fake.run(network, 'RI'), lambda video, t, v=control: v + 0 * t)
    fake.done(fake.run('bicubic'), lambda video, t: 19.0 + 0 * t)
    fake.grid_json['networks']['bicubic'] = {'label': 'Bicubic'}
    (axes,) = cure_figure(load_grid(fake.save())).axes
    # seaborn adds empty lines for the legend
    found = {tuple(line.get_ydata()): tuple(line.get_xdata()) for line in axes.lines}
    found.pop((), None)
    iterations = (0, 600)
    assert found == {(11.0, 20.5): iterations, (11.0, 11.5): iterations, (19.0, 19.0): (0, 1)}


def test_stills_before_and_after(fake):
    fake.test_set('static', 'Static', one=120, two=120)
    fake.grid_json['networks']['bicubic'] = {'label': 'Bicubic (BI)'}
    slopes = {'as published': 0.0, '100 iterations of RI': -0.01, '100 iterations of PI': 0.02}
    runs = (fake.run('a'), fake.run('a', 'RI'), fake.run('a', 'PI', repeats=8))
    for run in fake.grid_json['runs'][-2:]:
        run['options'] = {'max_iters': 100}
    for run, slope in zip(runs, slopes.values(), strict=True):
        fake.done(run, lambda video, t, k=slope: 20.0 + (video == 'two') + k * t)
    fake.done(fake.run('a', 'TBPTT'), lambda video, t: 30.0 + 0 * t)
    fake.done(fake.run('bicubic'), lambda video, t: 19.0 + 0 * t)
    figure = stills_figure(load_grid(fake.save()))
    colors = {line.get_label(): line.get_color() for line in figure.legends[0].get_lines()}
    drawn = {
        (axes.get_title(), line.get_color()): line.get_ydata()[[0, 119]].tolist()
        for axes in figure.axes
        for line in axes.lines
    }
    expected = {
        (video, colors[name]): [start, start + 119 * slope]
        for video, start in (('one', 20.0), ('two', 21.0))
        for name, slope in slopes.items()
    }
    expected |= {(video, colors['bicubic']): [19.0, 19.0] for video in ('one', 'two')}
    assert {k: pytest.approx(v) for k, v in expected.items()} == drawn
