"""Outputs one by one: each failure is a line, and a full disk ends everything with one line."""

import errno
import os

import pytest

from reports.outputs import Outputs, failure


def fail(error):
    raise error


def test_one_failure_costs_no_other_output(tmp_path):
    outputs = Outputs()
    outputs.write('a.csv', 'first', lambda path: path, tmp_path / 'a.csv')
    outputs.write('b.csv', 'second', fail, ValueError('no\nnumber\x1b[0m'))
    assert outputs.attempt('table c', lambda: 3) == 3
    assert outputs.attempt('table d', fail, KeyError('x')) is None
    assert outputs.written == [('first', tmp_path / 'a.csv')]
    assert outputs.problems == [
        'b.csv could not be written: ValueError: no number',
        "table d could not be written: KeyError: 'x'",
    ]


@pytest.mark.parametrize('code', [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT])
def test_a_disk_that_takes_nothing_is_told_once(code):
    outputs = Outputs()
    outputs.write('a.csv', 'first', fail, OSError(code, os.strerror(code), '/disk/a.csv'))
    outputs.write('b.csv', 'second', pytest.fail)
    outputs.note(failure('figure', OSError(code, os.strerror(code))))
    (line,) = outputs.problems
    expected = f'a.csv and all that comes after it could not be written: {os.strerror(code)}'
    assert line == f'{expected}: /disk/a.csv' and outputs.written == []


def test_what_is_wrong_with_one_path_is_not_the_disk():
    outputs = Outputs()
    outputs.attempt('a', fail, IsADirectoryError(errno.EISDIR, 'Is a directory', 'a'))
    assert outputs.attempt('b', lambda: 1) == 1 and len(outputs.problems) == 1


def test_reasons_are_short():
    assert len(failure('a', ValueError('x' * 5000)).line) < 400
