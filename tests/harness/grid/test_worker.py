"""What a worker evaluates, and how it goes on in a job that was started again."""

import json

import pandas as pd
import pytest
from mmengine.config import Config

from dataset_tools.degrade.sets import make_degraded_set
from harness.evaluation.evaluate import evaluate_set
from harness.evaluation.images import select_images
from harness.evaluation.model import load_model
from harness.grid import worker
from harness.runs import claims, owners
from harness.runs.evaluations import Evaluation, Variant
from harness.runs.folder import RunFolder
from harness.training.interruption import Interruption


@pytest.mark.slow
def test_evaluation_takes_the_lr_frames_of_the_network(real_set, tmp_path):
    both = make_degraded_set(real_set.root, tmp_path / 'both', ['bd', 'bi'])[0]
    root, images = str(both.root), select_images(both)
    todo = [Evaluation('both', root, both.checksum, Variant(), (), images)]
    model = dict(type='RecurrentVSR', generator=dict(type='BicubicUpsampler'))
    for kind in ('lr_bd', 'lr_bi'):
        cfg = Config(dict(model=model, lr_kind=kind))
        folder = tmp_path / kind
        folder.mkdir()
        worker._evaluate(RunFolder(folder), cfg, todo, False, Interruption())
        net = load_model(cfg, None, 'cpu').generator
        expected = evaluate_set(net, both, tmp_path / 'expected.csv', kind)
        table = pd.read_csv(folder / 'frames_both.csv')
        assert (table.psnr_y - expected.psnr_y).abs().max() < 1e-5
        record = json.loads((folder / 'evaluations.json').read_text())['both']
        assert (record['not_finite'], record['bidirectional']) == (0, False)


@pytest.mark.parametrize(
    ('restarts', 'job', 'code'), [('1', '12', 1), ('0', '12', 0), ('1', '13', 0)]
)
def test_a_restarted_job_takes_its_run_over_from_its_earlier_start(
    tmp_path, monkeypatch, restarts, job, code
):
    """On another node than before, where the claim would hold until its heartbeat is old."""
    claim = claims.take(tmp_path)
    owner = json.loads(claim.read_text())
    claim.write_text(json.dumps(dict(owner, system='another boot', job='12')))
    monkeypatch.setenv(owners.RESTARTED_VARIABLE, restarts)
    monkeypatch.setenv(owners.JOB_VARIABLE, job)
    assert worker.work_in_job(RunFolder(tmp_path)) == code  # 1: there is no task in the folder
    assert (tmp_path / 'claim.2.json').exists() == (code == 1)
