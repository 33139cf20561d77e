"""Training time against accuracy for several R."""

import pytest

from reports.figures import tradeoff
from reports.results import load_grid


def texts(axes):
    return [text.get_text() for text in axes.texts]


@pytest.mark.slow
def test_tradeoff_cuts_its_axis_only_for_a_collapse(small):
    def panels(*ri):
        for run, value in zip(small.grid_json['runs'], (*ri, 23.0, 25.0), strict=True):
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
