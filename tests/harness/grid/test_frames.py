"""All frames of a video, made again from a finished run."""

import numpy as np
import pandas as pd
import pytest
from mmengine.config import Config

from dataset_tools.frames import read_frame
from harness.errors import UserError
from harness.evaluation.images import select_images
from harness.grid import worker
from harness.grid.frames import save_frames
from harness.runs.evaluations import Evaluation, Variant
from harness.runs.folder import RunFolder
from harness.runs.task import Task
from harness.training.interruption import Interruption


@pytest.mark.slow
def test_frames_of_a_run(real_set, tmp_path, capsys):
    run = RunFolder.of(tmp_path, 'bicubic-s0')
    run.path.mkdir(parents=True)
    evaluation = Evaluation(
        'moving',
        str(real_set.root),
        real_set.checksum,
        Variant(),
        (),
        select_images(real_set, ['coffee'], [3]),
    )
    model = dict(type='RecurrentVSR', generator=dict(type='BicubicUpsampler'))
    cfg = Config(dict(model=model))
    cfg.dump(str(run.config))
    Task(False, False, False, 60, [evaluation]).write(run)
    worker._evaluate(run, cfg, [evaluation], False, Interruption())
    save_frames(tmp_path, 'moving', 'coffee', 'bicubic-s0')
    folder = tmp_path / 'videos' / 'moving' / 'coffee'
    assert sorted(p.name for p in folder.iterdir()) == [
        'bicubic-s0',
        'bicubic_lr_bd',
        'gt',
        'set.json',
    ]
    made = read_frame(folder / 'bicubic-s0' / '00000003.png')
    assert (made == read_frame(run.images('moving') / 'coffee' / '00000003.png')).all()
    gt = read_frame(folder / 'gt' / '00000003.png')
    assert (gt == read_frame(real_set.frame_path('gt', 'coffee', 3))).all()
    plain = read_frame(folder / 'bicubic_lr_bd' / '00000003.png')
    assert np.abs(made.astype(int) - plain).max() <= 1
    assert len(list((folder / 'bicubic-s0').iterdir())) == 20
    assert 'otherwise' not in capsys.readouterr().err

    with pytest.raises(UserError, match="moving: has no video 'tea'"):
        save_frames(tmp_path, 'moving', 'tea', 'bicubic-s0')
    with pytest.raises(UserError, match='bicubic-s0@best: is not evaluated on moving'):
        save_frames(tmp_path, 'moving', 'coffee', 'bicubic-s0@best')
    # frames that are not those that were scored are noticed
    scores = run.frames_csv('moving')
    table = pd.read_csv(scores)
    table.assign(psnr_y=table.psnr_y - 1).to_csv(scores, index=False)
    (folder / 'bicubic-s0' / '00000000.png').unlink()
    save_frames(tmp_path, 'moving', 'coffee', 'bicubic-s0')
    assert 'scores of coffee differ by up to 1.00 dB' in capsys.readouterr().err
