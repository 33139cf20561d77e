"""Test scores in TensorBoard, and in MLflow's file store where it is installed."""

import pandas as pd
import pytest
from mmengine.config import Config
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from harness.grid.tracking import means, track
from harness.runs.evaluations import Evaluation, Variant
from harness.runs.folder import RunFolder

SCORES = ['test/static-best/' + name for name in ('psnr_y', 'ssim_y', 'psnr_last50')]


@pytest.fixture
def table():
    """Two videos of 60 and 40 frames, the longer one with a fall."""
    rows = [('a', t, 30.0 if t < 10 else 21.0, 0.25, 5.0) for t in range(60)]
    rows += [('b', t, 30.0 + 5.0 * (t < 0), 0.75, 5.0) for t in range(40)]
    frame = pd.DataFrame(rows, columns=['video', 'frame', 'psnr_y', 'ssim_y', 'ms'])
    return frame.assign(tof=float('nan'))


def hand_over(folder, table, visualizer=None):
    evaluation = Evaluation('static', 'data', 'c', Variant(checkpoint='best'), (), {})
    cfg = Config(dict(model=dict(type='X'), **({'visualizer': visualizer} if visualizer else {})))
    track(cfg, RunFolder(folder / f'run-{len(list(folder.iterdir()))}'), evaluation, table, 500)
    return folder / 'run-0' / 'tracking' / 'vis_data'


def test_means(table):
    found = means(table)
    assert found == pytest.approx(
        dict(psnr_y=(22.5 + 30) / 2, ssim_y=0.5, psnr_last50=(21 + 30) / 2)
    )


def test_tensorboard_without_a_word_in_the_config(table, tmp_path):
    events = EventAccumulator(str(hand_over(tmp_path, table)))
    events.Reload()
    found = {tag: events.Scalars(tag)[0] for tag in events.Tags()['scalars']}
    assert {tag: event.step for tag, event in found.items()} == dict.fromkeys(SCORES, 500)
    assert found['test/static-best/psnr_y'].value == pytest.approx(26.25)
    assert any('config' in tag for tag in events.Tags()['tensors'])
    hand_over(tmp_path, table)  # of the next run: into its own folder
    folders = [len(list((tmp_path / f'run-{n}').rglob('events*'))) for n in (0, 1)]
    assert folders == [1, 1]


def test_a_backend_that_cannot_be_had_costs_nothing_else(table, tmp_path, capsys):
    hand_over(tmp_path, table, dict(type='Visualizer', vis_backends=[dict(type='NoSuchBackend')]))
    out = capsys.readouterr().out
    assert out.count('\n') == 1 and out.startswith('note: static@best was not tracked: KeyError')


def test_mlflow_file_store(table, tmp_path, monkeypatch):
    mlflow = pytest.importorskip('mlflow')
    monkeypatch.setenv('MLFLOW_ALLOW_FILE_STORE', 'true')  # MLflow 3 wants to be asked
    store = f'file://{tmp_path / "mlruns"}'
    backend = dict(type='MLflowVisBackend', exp_name='grid', run_name='run', tracking_uri=store)
    (tmp_path / 'runs').mkdir()
    hand_over(tmp_path / 'runs', table, dict(type='Visualizer', vis_backends=[backend]))
    mlflow.set_tracking_uri(store)
    (run,) = mlflow.search_runs(experiment_names=['grid'], output_format='list')
    assert run.data.metrics['test/static-best/psnr_y'] == pytest.approx(26.25)
    assert run.data.params['model.type'] == 'X'
