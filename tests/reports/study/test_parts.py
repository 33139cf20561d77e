"""Tables of the study whose numbers are known."""

import numpy as np

from reports.results import load_grid
from reports.study.parts import methods_table, stress_table


def test_losses_of_stills_of_several_sets(fake):
    fake.test_set('static', 'Static', cat=200, dog=200)
    fake.test_set('static_h264', 'Static, H.264', cat=200, dog=200)
    fake.grid_json['networks']['bicubic'] = {'label': 'Bicubic'}
    fake.done(fake.run('bicubic'), lambda video, t: 22.0 + 0 * t)
    fake.done(fake.run('net'), lambda video, t: np.where((t >= 150) & (video == 'cat'), 19.0, 25.0))
    fake.done(fake.run('level'), lambda video, t: 24.0 + 0 * t)
    fake.run('unfinished')
    assert stress_table(load_grid(fake.save())) == [
        '| loss, level of the worse end (dB), lost stills | *Static* | *Static, H.264* |',
        '|---|---:|---:|',
        '| NET | 3.00, +0.00, 1 of 2 | 3.00, +0.00, 1 of 2 |',
        '| LEVEL | 0.00, +2.00, 0 of 2 | 0.00, +2.00, 0 of 2 |',
    ]


def test_runs_without_all_sets_have_no_row(fake):
    """A run that has only been evaluated on moving videos yet."""
    fake.test_set('static', 'Static', cat=200)
    fake.test_set('moving', 'Moving', street=40)
    fake.grid_json['networks']['bicubic'] = {'label': 'Bicubic'}
    fake.done(fake.run('bicubic'), lambda video, t: 22.0 + 0 * t)
    fake.done(fake.run('net'), lambda video, t: np.where(t < 150, 25.0, 19.0))
    fake.frames(fake.run('begun'), 'moving', lambda video, t: 25.0 + 0 * t)
    table = methods_table(load_grid(fake.save()), (), 'seed')
    assert table[2:] == [
        '| Bicubic | 1 | 22.00 | 22.00 | 22.00 | 0 of 1 |',
        '| NET | 1 | 25.00 | 23.50 | 19.00 | 1 of 1 |',
    ]
