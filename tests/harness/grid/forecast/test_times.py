"""Measured times decide how long runs of ``budget='time'`` train, so no other number may pass."""

import errno
import json

import pytest

from harness.errors import UserError
from harness.grid.forecast.times import _write_once, read_times


@pytest.mark.parametrize('seconds', [0.0, -0.1, float('nan'), 1, True, '0.1', None])
def test_times_that_cannot_be_are_refused(tmp_path, seconds):
    path = tmp_path / 'times' / 'net-PI-1.json'
    path.parent.mkdir()
    path.write_text(json.dumps({'seconds_per_iteration': seconds}))
    with pytest.raises(UserError, match='seconds_per_iteration cannot be .*; delete it') as error:
        read_times(tmp_path)
    assert str(error.value).startswith(f'{path}: ')


def test_a_damaged_file_is_refused(tmp_path):
    path = tmp_path / 'times' / 'net-PI-1.json'
    path.parent.mkdir()
    path.write_text('{"seconds_per_it')
    with pytest.raises(UserError, match='delete it to measure again'):
        read_times(tmp_path)


@pytest.mark.parametrize('has_links', [True, False])
def test_the_first_measurement_counts(tmp_path, monkeypatch, has_links):
    if not has_links:

        def link(source, target):
            raise OSError(errno.EPERM, 'Operation not permitted', target)

        monkeypatch.setattr('os.link', link)
    path = tmp_path / 'times' / 'net-PI-1.json'
    for seconds in (0.25, 0.5):
        _write_once(path, {'seconds_per_iteration': seconds})
        assert read_times(tmp_path) == {'net-PI-1': 0.25}
    assert list(path.parent.iterdir()) == [path]
