"""PSNR against the frame number: panels, lines, bands, smoothing."""

import numpy as np
import pandas as pd
import pytest

from reports.figures import (
    frames,
    style,
)
from reports.results import load_grid


def titles(figure):
    return [axes.get_title() for axes in figure.axes if axes.get_title()]


def texts(axes):
    return [text.get_text() for text in axes.texts]


def line_of(axes, color, thick=True):
    """The y values of the one thick (smoothed) or thin (raw) line of a colour."""
    found = [
        line.get_ydata()
        for line in axes.lines
        if line.get_color() == color and (line.get_linewidth() > 0.5) == thick
    ]
    assert len(found) == 1
    return found[0]


def test_psnr_figure_has_a_panel_a_set_and_a_line_a_method(small):
    small.done(small.run('bicubic'), lambda _, t: 21.0)
    grid = load_grid(small.save())
    figure = frames.psnr_vs_frame(grid, 'net', 'sample')
    assert [title.split(' (')[0] for title in titles(figure)] == ['Moving', 'Static']
    moving, static = figure.axes[:2]
    # Short videos have no smoothed lines; one line more marks the end of the shorter video.
    assert len(moving.lines) == 4 + 1
    color = style.looks(grid.methods, grid.record.strategies)['RI'].color
    assert line_of(moving, color) == pytest.approx(np.full(20, 21.0))
    raw = line_of(static, color, thick=False)
    assert raw[:100] == pytest.approx(21.0) and raw[100:] == pytest.approx(17.0)
    smooth = line_of(static, color)
    assert smooth[0] == pytest.approx(21.0) and 17.0 < smooth[100] < 21.0
    low, high = static.get_ylim()
    assert low < 16.0 and high > 25.0
    band = static.collections[0].get_paths()[0].vertices[:, 1]
    assert band.min() == pytest.approx(16.0) and band.max() == pytest.approx(22.0)


@pytest.mark.slow
@pytest.mark.parametrize('count', [1, 3, 4, 7])
def test_any_number_of_test_sets_and_a_set_nobody_finished(fake, count):
    for index in range(count):
        fake.test_set(f'set{index}', f'Set {index}', v=110)
    fake.done(fake.run('net', 'RI'), lambda _, t: 25.0)
    fake.test_set('later', 'Later', v=1)
    figure = frames.psnr_vs_frame(load_grid(fake.save()), 'net', 'sample')
    assert len(titles(figure)) == count + 1
    assert texts(figure.axes[count]) == ['no finished run']
    legends = [*figure.legends, *filter(None, (axes.get_legend() for axes in figure.axes))]
    assert [text.get_text() for text in legends[0].texts] == ['RI: missing in part']
    figure.draw_without_rendering()
    boxes = [axes.get_tightbbox() for axes in figure.axes if axes.get_title()]
    assert not any(box.overlaps(other) for i, box in enumerate(boxes) for other in boxes[:i])


def test_psnr_of_each_video(small):
    rule = lambda video, t: {'000': 30.0, '001': 20.0 + t}[video]  # noqa: E731
    small.test_set('moving', 'Moving', **{'000': 10, '001': 20})
    run_id = small.run('other', 'RI')
    small.status(run_id, 'DONE')
    small.frames(run_id, 'moving', rule)
    figure = frames.psnr_by_video(load_grid(small.save()), 'other', 'sample', 'moving')
    assert titles(figure) == ['000', '001']
    assert figure.axes[0].lines[0].get_ydata() == pytest.approx(np.full(10, 30.0))
    assert figure.axes[1].lines[0].get_ydata() == pytest.approx(20.0 + np.arange(20))


def test_smoothing_is_a_centred_mean_over_5_percent():
    curve = pd.Series(np.arange(200.0) ** 2)
    smooth = frames.smoothed(curve)
    assert smooth[50] == pytest.approx(np.mean(np.arange(45, 56) ** 2))
    assert smooth[0] == pytest.approx(np.mean(np.arange(0, 6) ** 2))
    assert frames.smoothed(curve[:99]) is None
