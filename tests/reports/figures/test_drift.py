"""The heat map of drift."""

from reports.figures import drift
from reports.results import load_grid


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_drift_of_each_video(small):
    failed = small.run('net', 'PI', fc=True, repeats=8)
    small.status(failed, 'FAILED', 'loss is not finite')
    small.run('net', 'PI', repeats=8, seed=1)
    figure = drift.drift_map(load_grid(small.save()))
    axes = figure.axes[0]
    # "moving" is too short for drift; RI falls by 4 dB half way through "static".
    assert [label.get_text() for label in axes.get_xticklabels()] == ['still']
    numbers = [text for text in texts(axes) if text]
    assert numbers == ['\u22124.00', '0.00', '0.00~', 'failed', 'Static']
    assert '~: not all seeds done' in figure.axes[1].get_xlabel()


def test_no_drift_map_without_long_videos(fake):
    fake.test_set('a', 'A', v=99)
    fake.done(fake.run('net', 'RI'), lambda _, t: 20.0)
    assert drift.drift_map(load_grid(fake.save())) is None
