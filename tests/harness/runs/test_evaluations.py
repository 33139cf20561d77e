"""When the results in a run folder count."""

import shutil

import pytest

from harness.runs.evaluations import (
    Evaluation,
    Variant,
    read_records,
    record_evaluation,
    why_missing,
)
from harness.runs.files import read_json, write_json
from harness.runs.folder import RunFolder

EVALUATION = Evaluation('moving', 'data/moving', 'abc', Variant(), ('lpips',), {})


@pytest.fixture
def folder(tmp_path):
    """A run whose one evaluation is finished."""
    folder = RunFolder.of(tmp_path, 'tiny-RI-0')
    folder.path.mkdir(parents=True)
    write_json(folder.run_json, dict(run_id='tiny-RI-0'))
    folder.frames_csv('moving').write_text('video,frame,psnr_y\na,0,30.25\n')
    record_evaluation(folder, EVALUATION, 30)
    return folder


def why(folder, **wanted):
    return why_missing(folder, [EVALUATION._replace(**wanted)]).get('moving')


def test_finished_results_count(folder):
    assert why(folder) is None
    record = read_records(folder)['moving']
    assert (record.iteration, record.not_finite) == (30, 0)
    record_evaluation(folder, EVALUATION, 30, not_finite=7, bidirectional=True)
    record = read_records(folder)['moving']
    assert (record.not_finite, record.bidirectional) == (7, True)


@pytest.mark.parametrize(
    ('wanted', 'reason'),
    [
        (dict(checksum='abd'), 'evaluated on another version of the set'),
        (dict(metrics=('lpips', 'tof')), 'evaluated without tof'),
        (dict(code='1'), "the code of the grid's own metrics has changed"),
        (dict(images={'a': 1}), 'other SR frames were saved'),
        (dict(protocol='set5'), 'scored by protocol default'),
    ],
)
def test_other_evaluations_are_wanted(folder, wanted, reason):
    assert why(folder, **wanted) == reason


@pytest.mark.parametrize(
    ('text', 'reason'),
    [
        ('video,frame,psnr_y\na,0,31.25\n', 'frames_moving.csv was changed after it was written'),
        ('video,frame', 'frames_moving.csv has 11 of 29 bytes'),
    ],
)
def test_changed_results(folder, text, reason):
    folder.frames_csv('moving').write_text(text)
    assert why(folder) == reason


@pytest.mark.parametrize('is_old', [False, True])
def test_a_copy_under_another_name_has_no_results(folder, is_old):
    """In old folders only ``run.json`` says whose they are."""
    if is_old:
        records = read_json(folder.evaluations_json)
        del records['moving']['run']
        write_json(folder.evaluations_json, records)
        assert why(folder) is None
    copy = RunFolder(folder.path.with_name('tiny-PI-0'))
    shutil.copytree(folder.path, copy.path)
    assert why(copy) == 'results of another run, tiny-RI-0'
