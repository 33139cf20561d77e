"""Reports of a zip are those of the work directory."""

import hashlib

import numpy as np
import pytest

from harness.runs.records_zip import export_records
from reports.__main__ import main


@pytest.mark.slow
def test_a_zip_gives_the_same_report(fake, tmp_path, capsys):
    fake.test_set('static', 'Static', a=110, b=120)
    fake.done(fake.run('bicubic'), lambda video, frame: 20.0)
    for seed in (0, 1):
        run = fake.run('net', 'RI', seed=seed)
        fake.done(run, lambda video, frame: 25.0 - 0.01 * np.asarray(frame), ms=3.0)
    fake.status(fake.run('net', 'PI', repeats=8), 'FAILED', 'no more memory')
    fake.frames(fake.external('theirs', 'Theirs'), 'static', lambda video, frame: 23.0)
    work_dir, path = fake.save(), tmp_path / 'elsewhere' / 'records.zip'
    export_records(work_dir, path)
    assert main([str(work_dir)]) == main([str(path)]) == 0
    reports = work_dir / 'report', path.with_name('records_report')
    names = [sorted(p.relative_to(r) for p in r.rglob('*') if p.is_file()) for r in reports]
    assert names[0] == names[1] and len(names[0]) > 30
    for name in names[0]:
        if name.suffix in ('.csv', '.tex', '.md', '.png'):
            digests = [hashlib.sha256((r / name).read_bytes()).digest() for r in reports]
            assert digests[0] == digests[1], name
    path.write_bytes(b'no zip')
    assert main([str(path)]) == 2
    assert 'error: ' in (error := capsys.readouterr().err) and 'is not a complete zip' in error
