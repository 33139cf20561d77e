"""Figures of curves and points: what is drawn, from synthetic work directories."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from reports import figures, figures_drift, figures_frames, figures_time, labels, style, tradeoff
from reports.images import SavedImages
from reports.results import load_grid
from reports.selection import fewer


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
    figure = figures_frames.psnr_vs_frame(grid, 'net', 'sample')
    assert [title.split(' (')[0] for title in titles(figure)] == ['Moving', 'Static']
    moving, static = figure.axes[:2]
    # Short videos have no smoothed lines; one line more marks the end of the shorter video.
    assert len(moving.lines) == 4 + 1
    color = style.looks(grid.methods)['RI'].color
    assert line_of(moving, color) == pytest.approx(np.full(20, 21.0))
    raw = line_of(static, color, thick=False)
    assert raw[:100] == pytest.approx(21.0) and raw[100:] == pytest.approx(17.0)
    smooth = line_of(static, color)
    assert smooth[0] == pytest.approx(21.0) and 17.0 < smooth[100] < 21.0
    low, high = static.get_ylim()
    assert low < 16.0 and high > 25.0
    band = static.collections[0].get_paths()[0].vertices[:, 1]
    assert band.min() == pytest.approx(16.0) and band.max() == pytest.approx(22.0)


@pytest.mark.parametrize('count', [1, 3, 4, 7])
def test_any_number_of_test_sets_and_a_set_nobody_finished(fake, count):
    for index in range(count):
        fake.test_set(f'set{index}', f'Set {index}', v=110)
    fake.done(fake.run('net', 'RI'), lambda _, t: 25.0)
    fake.test_set('later', 'Later', v=1)
    figure = figures_frames.psnr_vs_frame(load_grid(fake.save()), 'net', 'sample')
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
    figure = figures_frames.psnr_by_video(load_grid(small.save()), 'other', 'sample', 'moving')
    assert titles(figure) == ['000', '001']
    assert figure.axes[0].lines[0].get_ydata() == pytest.approx(np.full(10, 30.0))
    assert figure.axes[1].lines[0].get_ydata() == pytest.approx(20.0 + np.arange(20))


def test_smoothing_is_a_centred_mean_over_5_percent():
    curve = pd.Series(np.arange(200.0) ** 2)
    smooth = figures_frames.smoothed(curve)
    assert smooth[50] == pytest.approx(np.mean(np.arange(45, 56) ** 2))
    assert smooth[0] == pytest.approx(np.mean(np.arange(0, 6) ** 2))
    assert figures_frames.smoothed(curve[:99]) is None


def test_looks_are_distinct_and_the_same_for_every_network(small):
    small.run('other', 'PI', repeats=8)
    small.run('other', 'PI', repeats=8, fc=True)
    small.run('bicubic')
    small.run('lanczos')
    methods = load_grid(small.save()).methods
    looks = style.looks(methods)
    assert set(looks) == set(methods['variant'])
    assert len({look.color for look in looks.values()}) == len(looks)
    assert len({(look.line, look.marker) for look in looks.values()}) == len(looks)
    alone = style.looks(methods[methods['network'] == 'other'])
    assert alone['PI & FC (R=8)'].marker == looks['PI & FC (R=8)'].marker


def test_fewer_keeps_the_r_that_both_have(small):
    small.run('net', 'PI', repeats=8, fc=True)
    small.run('bicubic')
    methods = list(load_grid(small.save()).methods.itertuples())
    assert fewer(methods, len(methods)) == methods
    kept = [method.variant for method in fewer(methods, 2)]
    assert kept == ['BICUBIC', 'RI', 'PI (R=8)', 'PI & FC (R=8)']
    assert [method.variant for method in fewer(methods[:-1], 2)] == ['BICUBIC', 'RI', 'PI (R=2)']


def test_tradeoff_cuts_its_axis_only_for_a_collapse(small):
    def panels(*ri):
        for run, value in zip(small.plan['runs'], (*ri, 23.0, 25.0), strict=True):
            small.done(run['run_id'], lambda _, t, v=value: v + 0.0 * t, ms=100.0)
        figure = tradeoff.r_tradeoff(load_grid(small.work_dir))
        return [axes.get_ylim() for axes in figure.axes]

    assert len(panels(20.0, 22.0)) == 2
    upper, lower, *_ = panels(8.0, 10.0)
    assert lower[0] < 8.0 and 10.0 < lower[1] <= upper[0] < 23.0 and upper[1] > 25.0
    # The widest gap is between two seeds of one method: a cut there would hide their mean.
    assert len(panels(8.0, 22.5)) == 2


def test_tradeoff_shows_times_and_names(small):
    small.run('net', 'PI', repeats=8, seed=1)
    figure = tradeoff.r_tradeoff(load_grid(small.save()))
    mean = figure.axes[0]
    assert texts(mean) == ['RI', 'R=2', 'R=8~']
    line = mean.lines[0]
    assert line.get_xdata() == pytest.approx([200.0, 50.0])
    assert line.get_ydata() == pytest.approx([23.0, 25.0])


def test_no_tradeoff_with_a_single_r(fake):
    fake.test_set('a', 'A', v=3)
    fake.done(fake.run('net', 'RI'), lambda _, t: 20.0, ms=10.0)
    fake.done(fake.run('net', 'PI', repeats=8), lambda _, t: 21.0, ms=20.0)
    assert tradeoff.r_tradeoff(load_grid(fake.save())) is None


def test_running_time_against_psnr(small):
    small.done(small.run('bicubic'), lambda _, t: 21.0)
    figure = figures_time.psnr_vs_time(load_grid(small.save()))
    assert titles(figure) == ['Mean of all test sets', 'Static']
    for axes in figure.axes:
        assert sorted(texts(axes)) == ['BICUBIC', 'NET']
    # The grey line of the trained network: 5 ms a frame (see conftest), best and worst method.
    line = next(line for line in figure.axes[0].lines if len(line.get_xdata()) == 3)
    assert line.get_xdata() == pytest.approx([5.0] * 3)
    assert sorted(line.get_ydata()) == pytest.approx([20.0, 23.0, 25.0])


def test_names_cover_neither_points_nor_each_other():
    figure = Figure(figsize=(2, 2))
    axes = figure.subplots()
    axes.set(xlim=(0, 1), ylim=(0, 1))
    points = [labels.Point(0.5 + 0.01 * i, 0.5, f'name {i}', 'black') for i in range(4)]
    points.append(labels.Point(0.56, 0.54, '', 'black'))
    labels.name_points(axes, points)
    figure.draw_without_rendering()
    renderer = figure.canvas.get_renderer()
    boxes = [labels._extent(text, renderer) for text in axes.texts]
    assert len(boxes) == 4
    centres = [axes.transData.transform((point.x, point.y)) for point in points]
    for i, box in enumerate(boxes):
        assert not any(box.contains(*centre) for centre in centres)
        assert not any(box.overlaps(other) for other in boxes[:i])
        assert labels._within(box, axes.get_window_extent(renderer))


def test_drift_of_each_video(small):
    failed = small.run('net', 'PI', fc=True, repeats=8)
    small.status(failed, 'FAILED', 'loss is not finite')
    small.run('net', 'PI', repeats=8, seed=1)
    figure = figures_drift.drift_map(load_grid(small.save()))
    axes = figure.axes[0]
    # "moving" is too short for drift; RI falls by 4 dB half way through "static".
    assert [label.get_text() for label in axes.get_xticklabels()] == ['still']
    numbers = [text for text in texts(axes) if text]
    assert numbers == ['\u22124.00', '0.00', '0.00~', 'failed', 'Static']
    assert '~: not all seeds done' in figure.axes[1].get_xlabel()


def test_no_drift_map_without_long_videos(fake):
    fake.test_set('a', 'A', v=99)
    fake.done(fake.run('net', 'RI'), lambda _, t: 20.0)
    assert figures_drift.drift_map(load_grid(fake.save())) is None


def test_file_names_and_captions_are_all_different(small):
    small.plan['train_sets']['reds'] = {'label': 'REDS'}
    small.done(small.run('net', 'RI', train_set='reds'), lambda _, t: 30.0, ms=90.0)
    grid = load_grid(small.save())
    listed = figures.drawings(grid, SavedImages(small.work_dir, grid))
    names = [drawing.name for drawing in listed]
    assert len(set(names)) == len(names) == len({drawing.caption for drawing in listed})
    assert {'psnr_vs_frame_net_reds', 'psnr_by_video_net_sample_moving', 'drift'} <= set(names)
    assert any('trained on REDS' in drawing.caption for drawing in listed)
