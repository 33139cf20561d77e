"""The quickstart's config with a tiny network on real frames."""

import copy
from itertools import count

import pytest
from mmengine.config import Config

from tests.harness.training.trainings import CLIP, CROP, QUICKSTART

_numbers = count()


@pytest.fixture
def make_cfg(tmp_path, real_set):
    """The quickstart's config with a tiny network: 3 videos, batches of 2 clips."""

    def make(loop, max_iters, folder='run', generator=None, interval=3, **train_cfg) -> Config:
        cfg = Config.fromfile(QUICKSTART)
        # merging takes `_delete_` out of what it is given
        generator = copy.deepcopy(generator or dict(mid_channels=8, flow_net=dict(channels=8)))
        cfg.merge_from_dict(
            dict(
                model=dict(generator=generator),
                train_dataloader=dict(batch_size=2, dataset=dict(data_root=str(real_set.root))),
                train_cfg={
                    **loop,
                    **dict(max_iters=max_iters, clip_length=CLIP, crop_size=CROP),
                    **dict(windows_per_video=1),
                    **train_cfg,
                },
                default_hooks=dict(
                    logger=dict(interval=1), checkpoint=dict(interval=interval, max_keep_ckpts=99)
                ),
                visualizer=dict(vis_backends=[dict(type='mmengine.LocalVisBackend')]),
                log_level='WARNING',
                launcher='none',
            )
        )
        cfg.work_dir = str(tmp_path / folder)
        cfg.experiment_name = f'{tmp_path.name}_{next(_numbers)}'
        return cfg

    return make
