"""What belongs to a run's identity beside what test_expand shows: weights, validation, versions."""

import pytest

from harness.grid.expand import expand
from harness.grid.validation import load_grid
from harness.runs import identity
from harness.runs.identity import differences, digest, identity_of


def ids(grid_file):
    return [run.run_id for run in expand(load_grid(str(grid_file), {}))]


def append(grid_file, text):
    with grid_file.with_name('tiny.py').open('a') as config:
        config.write(text)


def test_weights_count_by_content(grid_file, tmp_path):
    first, moved = tmp_path / 'first.pth', tmp_path / 'moved.pth'
    first.write_bytes(b'weights')
    moved.write_bytes(b'weights')
    append(grid_file, f"load_from = '{first}'\n")
    before = ids(grid_file)
    append(grid_file, f"load_from = '{moved}'\n")
    assert ids(grid_file) == before
    identity._sha256.cache_clear()
    moved.write_bytes(b'other weights')
    assert ids(grid_file)[0] != before[0]


VALIDATED = """
val_dataloader = dict(dataset=dict(type='ValidationVideoDataset', data_root='{root}',
                                   max_frames={frames}), num_workers={workers})
val_cfg = dict(type='VideoValLoop')
val_evaluator = dict(type='StabilityMetric')
"""
BEST = "default_hooks['checkpoint'].update(save_best='psnr', rule='greater')\n"


@pytest.mark.parametrize('best', ['', BEST])
def test_validation_counts_where_it_chooses_a_checkpoint(grid_file, real_set, make_set, best):
    append(grid_file, VALIDATED.format(root=real_set.root, frames=9, workers=0) + best)
    before = ids(grid_file)
    runs = expand(load_grid(str(grid_file), {}))
    assert [v.name for v in runs[0].variants] == (['', 'best'] if best else [''])
    assert [v.name for v in runs[3].variants] == ['']  # bicubic
    append(grid_file, VALIDATED.format(root=real_set.root, frames=9, workers=1))
    assert ids(grid_file) == before
    for root, frames in ((real_set.root, 8), (make_set().root, 9)):
        append(grid_file, VALIDATED.format(root=root, frames=frames, workers=0))
        assert (ids(grid_file)[0] == before[0]) == (not best)


def test_results_version(grid_file, monkeypatch):
    before = ids(grid_file)
    monkeypatch.setattr(identity, 'RESULTS_VERSION', identity.RESULTS_VERSION + 1)
    assert not set(ids(grid_file)) & set(before)


def test_resets_are_evaluations_and_no_part_of_it(grid_file):
    before = ids(grid_file)
    runs = expand(load_grid(str(grid_file), {'reset_every': [15, None, 50]}))
    assert [run.run_id for run in runs] == before
    assert [v.name for v in runs[0].variants] == ['', 'reset15', 'reset50']
    assert [v.name for v in runs[3].variants] == ['']


def test_differences_are_named_by_key():
    old = identity_of(dict(model=dict(a=1, b=[1, 2]), gone=dict(x=1)), None)
    new = identity_of(dict(model=dict(a=2, b=[1, 2]), come=None), None)
    assert differences(old, new) == [
        'come: (nothing) -> None',
        'gone.x: 1 -> (nothing)',
        'model.a: 1 -> 2',
    ]
    assert digest(old) != digest(new)


def test_versions_where_there_is_no_git(monkeypatch):
    assert 'commit' in identity.versions()
    monkeypatch.setenv('PATH', '')
    found = identity.versions()
    assert found['numpy'] and 'commit' not in found
