"""Losses and levels by property, on curves whose losses are round numbers."""

import numpy as np
import pytest

from reports.results import load_grid
from reports.study.contrasts import by_unit, lost_stills
from reports.study.figures import properties_figure
from reports.study.properties import by_property, losses, worse_ends


@pytest.fixture
def grid(fake):
    """A network that loses 6 dB at the beginning of a still, and 0 to 4 dB at the end of others."""
    fake.test_set('static', 'Static', a=200, cat=200)
    fake.test_set('speeds', 'Speeds', a_s1=200, b_s1=200, a_s8=200)
    fake.test_set('gammas', 'Gammas', **{'a_g1.5': 200})
    fake.test_set('camera', 'Camera', street=200)
    ends = {'a': 5.0, 'cat': 0.0, 'a_g1.5': 0.0, 'street': 3.0}
    ends |= {'a_s1': 4.0, 'b_s1': 2.0, 'a_s8': 1.0}

    def psnr(video, t):
        value = np.where(t >= 150, 25.0 - ends[video], 25.0)
        return np.where(t < 50, 19.0, value) if video == 'cat' else value

    fake.grid_json['networks']['bicubic'] = {'label': 'Bicubic'}
    fake.done(fake.run('bicubic'), lambda video, t: 22.0 + 0 * t)
    fake.done(fake.run('net'), psnr)
    return load_grid(fake.save())


def test_losses(grid):
    assert losses(grid, 'speeds').loc['NET'].to_dict() == {'a_s1': 4.0, 'a_s8': 1.0, 'b_s1': 2.0}
    expected = {'stills': 5.5, '1 px': 3.0, '8 px': 1.0, 'gamma 1.5': 0.0, 'fixed camera': 3.0}
    assert by_property(grid, losses).loc['NET'].to_dict() == expected


def test_levels_of_the_worse_ends(grid):
    assert worse_ends(grid, 'static').loc['NET'].to_dict() == {'a': -2.0, 'cat': -3.0}
    expected = {'stills': -2.5, '1 px': 0.0, '8 px': 2.0, 'gamma 1.5': 3.0, 'fixed camera': 0.0}
    assert by_property(grid, worse_ends).loc['NET'].to_dict() == expected


def test_levels_are_drawn_from_the_stills_of_the_same_photographs(grid):
    speeds, gammas = properties_figure(grid).axes
    line, bicubic = speeds.lines
    assert line.get_label() == 'NET' and line.get_xydata().tolist() == [[0, -2], [1, 0], [8, 2]]
    assert gammas.lines[0].get_xydata().tolist() == [[1, -2], [1.5, 3]]
    assert set(bicubic.get_ydata()) == {0}


def test_a_still_lost_at_its_beginning(grid):
    assert list(by_unit(grid, 'NET', lost_stills(), 'seed')) == [1]
    assert list(by_unit(grid, 'NET', lost_stills(both_ends=True), 'seed')) == [2]
