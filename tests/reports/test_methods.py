"""Names of methods."""

from dataclasses import replace

import pytest

from harness.runs.resets import Reset
from reports.methods import COLUMNS, Method
from reports.results import load_grid

RI = Method('vimeo', 'frvsr', 'FRVSR', 'RI')


@pytest.mark.parametrize(
    ('method', 'strategy', 'variant', 'short', 'name'),
    [
        (RI, 'RI', '', 'RI', 'FRVSR w/ RI'),
        (
            replace(RI, strategy='PI', fc=True, repeats=8),
            'PI & FC (R=8)',
            '',
            'PI & FC (R=8)',
            'FRVSR w/ PI & FC (R=8)',
        ),
        (
            replace(RI, strategy='PI', repeats=8, options=('l=7', 'from nothing')),
            'PI (R=8, l=7, from nothing)',
            '',
            'PI (R=8, l=7, from nothing)',
            'FRVSR w/ PI (R=8, l=7, from nothing)',
        ),
        (
            replace(RI, reset=Reset(15), checkpoint='best'),
            'RI',
            'reset every 15, best checkpoint',
            'RI, reset every 15, best checkpoint',
            'FRVSR w/ RI, reset every 15, best checkpoint',
        ),
        (Method('', 'bicubic', 'Bicubic'), '', '', 'Bicubic', 'Bicubic'),
    ],
)
def test_labels(method, strategy, variant, short, name):
    assert (method.strategy_label, method.variant_label) == (strategy, variant)
    assert (method.short_name, method.name) == (short, name)


def test_which_are_plain_and_trained():
    assert RI.is_plain and RI.is_trained
    assert not replace(RI, reset=Reset(15)).is_plain
    assert not replace(RI, checkpoint='best').is_plain
    assert replace(RI, reset=Reset(15)).training == RI.training
    assert not Method('', 'bicubic', 'Bicubic').is_trained


def test_columns_are_those_of_the_files():
    assert list(RI.columns()) == COLUMNS
    assert RI.columns() | {'variant': 'RI', 'checkpoint': 'last'} == RI.columns()


def test_labels_are_never_parsed(fake):
    """Labels that look like other labels: what is compared and marked stays the same."""
    fake.grid_json['networks']['net'] = {'label': 'N w/ RI & FC (R=2), reset every 3'}
    fake.grid_json['train_sets'] = {'a': {'label': 'w/ PI'}, 'b': {'label': 'Trained on w/ PI'}}
    fake.test_set('static', 'Trained on w/ PI', v=5)
    for train_set in ('a', 'b'):
        fake.done(fake.run('net', 'RI', train_set=train_set), lambda _, t: 20.0)
        fake.done(fake.run('net', 'PI', repeats=2, train_set=train_set), lambda _, t: 21.0)
    grid = load_grid(fake.save())
    assert [(m.train_set, m.strategy_label) for m in grid.methods] == [
        ('a', 'RI'),
        ('a', 'PI (R=2)'),
        ('b', 'RI'),
        ('b', 'PI (R=2)'),
    ]
    assert len({method.name for method in grid.methods}) == 2
    assert grid.trials_of(grid.methods[3]) == ['net-PI-R2-b-s0']
    assert grid.cell(grid.methods[2], 'static')['run_ids'] == 'net-RI-RNone-b-s0'
