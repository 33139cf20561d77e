"""Checksums of the inputs of outputs."""

import subprocess
import sys
from dataclasses import replace

import pytest

from reports import inputs as module
from reports.inputs import Inputs
from reports.results import load_grid


def sums(fake):
    """Of the whole grid, and of its two networks."""
    grid = load_grid(fake.save())
    found = Inputs(grid)
    return found.of(grid), found.of(grid.part('net')), found.of(grid.part('other'))


@pytest.fixture
def two(small):
    """``small`` with a second network and a reference."""
    small.done(small.run('other', 'RI'), lambda _, t: 24.0, ms=100.0)
    small.done(small.run('bicubic'), lambda _, t: 19.0)
    return small


def test_a_part_has_its_network_and_the_references_alone(two):
    grid = load_grid(two.save())
    part = grid.part('other')
    assert [method.name for method in part.methods] == ['BICUBIC', 'OTHER w/ RI']
    for name in ('runs', 'trials', 'frames', 'videos', 'evaluations', 'cells'):
        whole, found = getattr(grid, name), getattr(part, name)
        expected = (
            whole['network'] if 'network' in whole else whole['trial_id'].str.split('-').str[0]
        )
        assert 0 < len(found) == expected.isin(['other', 'bicubic']).sum()
    assert set(part.record.networks) == {'other', 'bicubic'}
    assert part.all_methods == grid.all_methods and grid.part('') is grid


def test_a_part_of_one_training_set(two):
    two.grid_json['train_sets']['reds'] = {'label': 'REDS'}
    two.done(two.run('other', 'RI', train_set='reds'), lambda _, t: 25.0)
    grid = load_grid(two.save())
    assert {m.train_set for m in grid.part('other', 'reds').methods} == {'', 'reds'}
    assert {m.train_set for m in grid.part('other').methods} == {'', 'reds', 'sample'}
    assert grid.part('other', 'reds').has_several_train_sets  # names stay as in the whole grid


@pytest.mark.slow
def test_what_is_in_a_part_alone_changes_its_checksum(two):
    before = sums(two)
    assert sums(two) == before
    two.frames('other-RI-RNone-sample-s0', 'moving', lambda _, t: 24.000001)
    whole, net, other = sums(two)
    assert net == before[1] and whole != before[0] and other != before[2]
    two.status('net-PI-R2-sample-s0', 'FAILED', 'x')
    assert sums(two)[1] != net and sums(two)[2] == other


@pytest.mark.slow
def test_names_and_looks_count_but_not_those_of_others(two):
    before = sums(two)
    two.grid_json['networks']['other']['label'] = 'Other'
    assert sums(two)[1] == before[1] and sums(two)[2] != before[2]
    before = sums(two)
    two.run('other', 'PI', repeats=4)  # R between two others: shades of net's methods shift
    assert sums(two)[1] != before[1]


def test_code_and_settings_count(two, monkeypatch):
    grid = load_grid(two.save())
    before = Inputs(grid).of(grid)
    assert Inputs(grid).of(grid, 'caption') != before
    for change in ({'savefig.dpi': 7}, {'font.size': 3}):
        module._code.cache_clear()
        with module.matplotlib.rc_context(change):
            assert Inputs(grid).of(grid) != before
    module._code.cache_clear()
    assert Inputs(grid).of(grid) == before
    changed = replace(grid, frames=grid.frames.rename(columns={'ms': 'other'}))
    assert Inputs(changed).of(changed) != before
    monkeypatch.setattr(module, '_code', lambda: 'other')
    assert Inputs(grid).of(grid) != before


@pytest.mark.slow
def test_checksums_are_the_same_in_every_process(two):
    code = (
        'import sys; from reports.inputs import Inputs; from reports.results import load_grid; '
        'grid = load_grid(sys.argv[1]); print(Inputs(grid).of(grid))'
    )
    call = [sys.executable, '-c', code, str(two.save())]
    found = [subprocess.run(call, capture_output=True, text=True).stdout for _ in range(2)]
    assert found[0] == found[1] and len(found[0]) == 65
