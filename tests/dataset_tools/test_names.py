"""Which names may become paths."""

import pytest

from dataset_tools.names import name_problem

GOOD = ['000', 'calendar', '_x', 'bikes_street', 'a b', 'Zürich', '東京', 'a.b-c+d', 'x' * 100]
BAD = [
    '',
    '.',
    '..',
    '.hidden',
    '/abs/set',
    '../../x',
    'a/b',
    'a\\b',
    'set@reset15',
    'two\nlines',
    'bell\a',
    '\x1b[1m',
    'zero\u200bwidth',
    'sur\ud800rogate',
    'x' * 101,
    '東' * 70,
    'ends.',
    'ends ',
    ' begins',
    '-option',
    'C:x',
    'what?',
    None,
    5,
    b'bytes',
]


@pytest.mark.parametrize('name', GOOD)
def test_good_names(name):
    assert name_problem(name) is None


@pytest.mark.parametrize('name', BAD, ids=repr)
def test_bad_names_are_refused_with_the_rule(name):
    assert 'names have 1 to 100 characters' in name_problem(name)


def test_what_becomes_a_path_can_be_made(tmp_path):
    for name in GOOD:
        (tmp_path / f'frames_{name}@reset15.csv').write_text('')
    assert len(list(tmp_path.iterdir())) == len(GOOD)
