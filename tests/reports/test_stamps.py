"""Which outputs of an earlier report are kept."""

import json

import pytest

from reports.stamps import NAME, Stamps


@pytest.fixture
def written(tmp_path):
    """A folder with a file, its stamp, and the stamp of an output that had nothing to show."""
    (tmp_path / 'a.csv').write_text('1')
    stamps = Stamps(tmp_path)
    stamps.add('a', 'x', [tmp_path / 'a.csv'], summary='s')
    stamps.add('nothing', 'x', [])
    stamps.close([tmp_path / 'a.csv'])
    return tmp_path


def test_what_is_whole_is_kept_for_the_same_inputs(written):
    stamps = Stamps(written)
    assert stamps.kept('a', 'x')['summary'] == 's' and stamps.kept('nothing', 'x')['files'] == {}
    assert stamps.kept('a', 'y') is None and stamps.kept('b', 'x') is None
    stamps.close([])  # kept outputs keep their stamps and files
    assert Stamps(written).kept('a', 'x')
    for damage in ('2', None):
        (written / 'a.csv').unlink() if damage is None else (written / 'a.csv').write_text(damage)
        assert Stamps(written).kept('a', 'x') is None


@pytest.mark.parametrize('text', ['', '[1', '[]', '{"a": 3}', '{"a": {"inputs": "x"}}'])
def test_damaged_stamps_are_no_stamps(written, text):
    (written / NAME).write_text(text)
    stamps = Stamps(written)
    assert stamps.kept('a', 'x') is None
    stamps.close([])
    assert (written / 'a.csv').is_file()


@pytest.mark.parametrize('name', ['/etc/hostname', '../outside'])
def test_stamps_lead_to_no_file_outside_of_the_folder(written, name):
    (written.parent / 'outside').write_text('1')
    stamp = json.loads((written / NAME).read_text())
    stamp['a']['files'] = {name: stamp['a']['files']['a.csv']}
    (written / NAME).write_text(json.dumps(stamp))
    Stamps(written).close([])
    assert (written.parent / 'outside').is_file()


def test_what_is_made_no_more_is_removed(written):
    (written / 'b.csv').write_text('1')
    stamps = Stamps(written)
    stamps.add('b', 'x', [written / 'b.csv'])
    stamps.close([written / 'b.csv'])
    assert sorted(path.name for path in written.iterdir()) == [NAME, 'b.csv']
    (written / 'c.csv').write_text('1')
    stamps = Stamps(written)
    stamps.add('b', 'y', [written / 'c.csv'])  # the same output has other files
    stamps.close([])
    assert sorted(path.name for path in written.iterdir()) == [NAME, 'c.csv']


@pytest.mark.parametrize('is_ours', [False, True], ids=['changed', 'written'])
def test_what_is_somebody_s_own_or_new_stays(written, is_ours):
    (written / 'a.csv').write_text('1' if is_ours else 'mine')
    Stamps(written).close([written / 'a.csv'] * is_ours)
    assert (written / 'a.csv').is_file()
