"""What a worker evaluates."""

import pandas as pd
from mmengine.config import Config

from dataset_tools.degrade_folder import make_degraded_set
from harness.evaluation.evaluate import evaluate_set
from harness.evaluation.images import select_images
from harness.evaluation.model import load_model
from harness.grid import worker
from harness.grid.evaluations import Evaluation, Variant
from harness.training.interruption import Interruption


def test_evaluation_takes_the_lr_frames_of_the_network(real_set, tmp_path):
    both = make_degraded_set(real_set.root, tmp_path / 'both', ['bd', 'bi'])[0]
    root, images = str(both.root), select_images(both)
    todo = [Evaluation('both', root, both.checksum, Variant(), (), images)]
    model = dict(type='RecurrentVSR', generator=dict(type='BicubicUpsampler'))
    for kind in ('lr_bd', 'lr_bi'):
        cfg = Config(dict(model=model, lr_kind=kind))
        folder = tmp_path / kind
        folder.mkdir()
        worker._evaluate(folder, cfg, todo, False, Interruption())
        net = load_model(cfg, None, 'cpu').generator
        expected = evaluate_set(net, both, tmp_path / 'expected.csv', kind)
        table = pd.read_csv(folder / 'frames_both.csv')
        assert (table.psnr_y - expected.psnr_y).abs().max() < 1e-5
