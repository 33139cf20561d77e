"""A grid's results in a zip: what is in it, and zips that are none."""

import io
import json
import zipfile

import pytest

from harness.runs import records_zip
from harness.runs.files import InvalidFile
from harness.runs.records_zip import export_records, unpack_records


@pytest.fixture
def work_dir(tmp_path):
    """A run with weights and pictures, one that the grid has no more, a result from elsewhere."""
    root = tmp_path / 'work'
    files = {
        'grid.json': json.dumps({'runs': [{'run_id': 'a-RI-s0'}], 'external': {'theirs': {}}}),
        'runs/a-RI-s0/run.json': '{}',
        'runs/a-RI-s0/config.py': 'x = 1',
        'runs/a-RI-s0/timing.json': '{}',
        'runs/a-RI-s0/evaluations.json': '{}',
        'runs/a-RI-s0/frames_static.csv': 'video,frame\n' * 1000,
        'runs/a-RI-s0/frames_static@reset15.csv': 'video',
        'runs/a-RI-s0/states/iter_5.csv': 'quantity',
        'runs/a-RI-s0/log.txt': 'long',
        'runs/a-RI-s0/iter_5.pth': 'old',
        'runs/a-RI-s0/iter_10.pth': 'weights',
        'runs/a-RI-s0/images_static/v/00000000.png': 'picture',
        'runs/old-RI-s0/run.json': '{}',
        'external/theirs/external.json': '{}',
        'external/theirs/frames_static.csv': 'video',
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_there_and_back(work_dir, tmp_path):
    path = tmp_path / 'new' / 'records.zip'
    count = export_records(work_dir, path)
    names = zipfile.ZipFile(path).namelist()
    left_out = ('log.txt', '.pth', '.png', 'old-RI')
    assert count == len(names) == 11 and not any(word in str(names) for word in left_out)
    record = json.loads(zipfile.ZipFile(path).read('record.json'))
    assert list(record['checkpoints']['a-RI-s0']) == ['iter_10.pth'] and record['versions']
    assert path.stat().st_size < 4000
    unpack_records(path, tmp_path / 'there')
    for name in set(names) - {'record.json'}:
        assert (tmp_path / 'there' / name).read_bytes() == (work_dir / name).read_bytes()
    again = tmp_path / 'again.zip'
    export_records(tmp_path / 'there', again)
    assert zipfile.ZipFile(again).namelist() == names
    with pytest.raises(InvalidFile, match='grid.json is not readable'):
        export_records(tmp_path, tmp_path / 'none.zip')
    assert not (tmp_path / 'none.zip').exists()


def changed(path, name=None, content=b'', drop=(), record=None):
    """The zip with one more file, without some, or with entries of its record changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, 'w') as new:
        for entry in old.namelist():
            data = old.read(entry)
            if entry == 'record.json' and record:
                data = json.dumps(record(json.loads(data))).encode()
            if entry not in (*drop, name):
                new.writestr(entry, data)
        if name:
            new.writestr(name, content)
    path.write_bytes(out.getvalue())


def with_file(name, checksum='0' * 64):
    return lambda record: record | {'files': record['files'] | {name: checksum}}


FRAMES = 'runs/a-RI-s0/frames_static.csv'
EVIL = ['../evil.json', '/tmp/evil.json', 'runs/../run.json', 'runs/a/../../run.json', 'C:run.json']
EVIL += ['runs/a\\..\\..\\b/run.json', 'runs/./run.json', 'runs/a/evil.py', 'external/a/config.py']


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        *((dict(name=n, record=with_file(n)), 'is not part of a record') for n in EVIL),
        (dict(name='evil.py'), "contains 'evil.py', which is not in its record.json"),
        (dict(drop=['record.json']), 'contains no record.json, so run_grid.py --export did not'),
        (dict(drop=[FRAMES]), f'lacks {FRAMES}'),
        (dict(name=FRAMES, content=b'video'), f'{FRAMES} was changed'),
        (dict(record=lambda r: r | {'version': 2}), 'this version cannot read'),
        (dict(record=lambda r: r | {'files': 3}), 'this version cannot read'),
        (dict(record=lambda r: [r]), 'this version cannot read'),
    ],
)
def test_zips_that_are_no_record(work_dir, tmp_path, change, message):
    path = tmp_path / 'records.zip'
    export_records(work_dir, path)
    changed(path, **change)
    before = set(tmp_path.rglob('*'))
    with pytest.raises(InvalidFile, match=message) as error:
        unpack_records(path, tmp_path / 'there')
    assert '\n' not in str(error.value) and str(path) in str(error.value)
    created = set(tmp_path.rglob('*')) - before
    assert all(p.is_relative_to(tmp_path / 'there') for p in created)


def test_a_run_goes_on_meanwhile(work_dir, tmp_path, monkeypatch):
    """Its status changes between any two files that are put into the zip."""
    status = work_dir / 'runs/a-RI-s0/status.json'
    put = records_zip._put

    def put_and_go_on(*args):
        put(*args)
        status.write_text(json.dumps({'of': str(args[1])}))

    status.write_text('{}')
    monkeypatch.setattr(records_zip, '_put', put_and_go_on)
    export_records(work_dir, tmp_path / 'records.zip')
    unpack_records(tmp_path / 'records.zip', tmp_path / 'there')
    assert json.loads((tmp_path / 'there/runs/a-RI-s0/status.json').read_text())['of']


def test_half_a_file_and_no_zip(work_dir, tmp_path, monkeypatch):
    path = tmp_path / 'records.zip'
    export_records(work_dir, path)
    whole = path.read_bytes()
    damaged = bytearray(whole)
    entry = zipfile.ZipFile(path).getinfo(FRAMES)
    damaged[entry.header_offset + 30 + len(FRAMES) + 2] ^= 0xFF
    for content in (whole[: len(whole) // 2], b'', b'PK', bytes(damaged)):
        path.write_bytes(content)
        with pytest.raises(InvalidFile, match='records.zip: '):
            unpack_records(path, tmp_path / 'there')
    path.write_bytes(whole)
    monkeypatch.setattr('harness.runs.records_zip.MOST_BYTES', 1 << 13)
    with pytest.raises(InvalidFile, match='contains more than|did not write it'):
        unpack_records(path, tmp_path / 'there')
    with pytest.raises(InvalidFile, match='absent.zip: cannot be read: No such file'):
        unpack_records(tmp_path / 'absent.zip', tmp_path / 'there')
