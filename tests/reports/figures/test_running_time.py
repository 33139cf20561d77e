"""Running time against accuracy."""

import pytest

from reports.figures import running_time
from reports.results import load_grid


def titles(figure):
    return [axes.get_title() for axes in figure.axes if axes.get_title()]


def texts(axes):
    return [text.get_text() for text in axes.texts]


@pytest.mark.slow
def test_running_time_against_psnr(small):
    small.done(small.run('bicubic'), lambda _, t: 21.0)
    figure = running_time.psnr_vs_time(load_grid(small.save()))
    assert titles(figure) == ['Mean of all test sets', 'Static']
    for axes in figure.axes:
        assert sorted(texts(axes)) == ['BICUBIC', 'NET']
    # The grey line of the trained network: 5 ms a frame (see conftest), best and worst method.
    line = next(line for line in figure.axes[0].lines if len(line.get_xdata()) == 3)
    assert line.get_xdata() == pytest.approx([5.0] * 3)
    assert sorted(line.get_ydata()) == pytest.approx([20.0, 23.0, 25.0])
