"""RISTN's two stages with its own configs: images first, then videos by RI and by PI."""

import logging
from itertools import count
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook

from dataset_tools.degrade.sets import make_degraded_set
from harness.errors import UserError
from harness.training.run import resume_if_begun, train

CONFIGS = Path(__file__).resolve().parents[3] / 'mm_configs/ristn'
TINY = dict(bottlenecks=((2, 1), (2, 1)))
TINY_LSTM = dict(TINY, layers=2, growth=4)
_numbers = count()


@pytest.fixture(scope='module')
def bi_set(real_set, tmp_path_factory):
    """The moving set with BI frames alone."""
    root = tmp_path_factory.mktemp('sets') / 'bi'
    return make_degraded_set(real_set.root, root, ['bi'])[0]


@pytest.fixture
def make_cfg(tmp_path, bi_set):
    """A config of RISTN, tiny: 3 videos, batches of 2 clips."""

    def make(name, generator, max_iters, folder='run', load_from=None, **train_cfg) -> Config:
        cfg = Config.fromfile(CONFIGS / f'{name}.py')
        cfg.merge_from_dict(
            dict(
                model=dict(generator=dict(generator)),
                train_dataloader=dict(
                    batch_size=2,
                    num_workers=0,
                    persistent_workers=False,
                    dataset=dict(data_root=str(bi_set.root)),
                ),
                train_cfg=dict(train_cfg, max_iters=max_iters, crop_size=16),
                default_hooks=dict(logger=dict(interval=1), checkpoint=dict(interval=2)),
                visualizer=dict(vis_backends=[dict(type='mmengine.LocalVisBackend')]),
                launcher='none',
            )
        )
        cfg.load_from = load_from
        cfg.work_dir = str(tmp_path / folder)
        cfg.experiment_name = f'{tmp_path.name}_{next(_numbers)}'
        return cfg

    return make


@pytest.fixture
def pretrained(make_cfg):
    """Checkpoint of a first stage of two iterations."""
    cfg = make_cfg('ristn_spatial_pretrain', TINY, 2, 'first')
    assert cfg.train_cfg.clip_length == 1 and cfg.model.generator.temporal is None
    return str(train(cfg))


class Seen(Hook):
    """Remembers the weights at the beginning, the losses, and whether clips had states."""

    def before_train(self, runner):
        self.before = {k: v.clone() for k, v in runner.train_loop.model.state_dict().items()}
        self.losses, self.states = [], []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.losses.append({key: value.item() for key, value in outputs.items()})
        self.states.append(data_batch['states'])


def weights_of(checkpoint):
    return torch.load(checkpoint, weights_only=False)['state_dict']


def log_of(cfg):
    return ''.join(path.read_text() for path in Path(cfg.work_dir).glob('*/*.log'))


@pytest.mark.slow
@pytest.mark.parametrize('strategy', ['RI', 'PI'])
def test_videos_begin_with_the_weights_of_the_images(make_cfg, pretrained, strategy):
    loop = dict(type=f'{strategy}BPTTLoop', clip_length=3)
    if strategy == 'PI':
        loop['repeats'] = 2
    cfg, seen = make_cfg('ristn_paper', TINY_LSTM, 4, load_from=pretrained, **loop), Seen()
    checkpoint = train(cfg, [seen])
    spatial = weights_of(pretrained)
    shared = [key for key in seen.before if key in spatial]
    assert {key.split('.')[1] for key in shared} == {'spatial', 'reconstruction'}
    assert len(shared) == len(spatial)
    for key in shared:
        assert torch.equal(seen.before[key], spatial[key])
    counts = [
        sum(f'.{part}.' in key and 'num_batches' not in key for key in seen.before)
        for part in ('spatial', 'temporal', 'reconstruction')
    ]
    assert (
        f'load_from={pretrained}: entries loaded: generator.spatial {counts[0]} of {counts[0]}, '
        f'generator.temporal 0 of {counts[1]}, generator.reconstruction {counts[2]} of {counts[2]}'
    ) in log_of(cfg)
    assert 'do not match' not in log_of(cfg)
    assert all(set(losses) == {'loss', 'loss_pixel', 'loss_sparsity'} for losses in seen.losses)
    for states in seen.states:
        assert (states is not None) == (strategy == 'PI')
        for state in states or ():
            assert state['h'].shape == state['c'].shape == (2, 2, 4, 16, 16)
    after = weights_of(checkpoint)
    trained = [key for key in after if key.endswith('weight') and 'bottlenecks.0' not in key]
    assert not [key for key in trained if torch.equal(after[key], seen.before[key])]


@pytest.mark.slow
def test_pi_clips_equal_the_whole_window(make_cfg):
    """In eval statistics, with a learning rate of 0 that leaves only these to change."""
    cfg = make_cfg('ristn_paper', TINY_LSTM, 3, type='PIBPTTLoop', clip_length=3, repeats=2)
    cfg.optim_wrapper.optimizer.lr = 0

    class Compare(Hook):
        worst, effect = 0, 0

        @torch.no_grad()
        def before_train_iter(self, runner, batch_idx, data_batch=None):
            loop, model = runner.train_loop, runner.train_loop.model
            plan = loop.planner.plan(loop.epoch)
            first = loop.planner.first_iteration(loop.epoch)
            if loop.iter > first:
                return  # the statistics are no longer those of the state pass
            batch = plan.batches[0]
            model.eval()
            data = model.data_preprocessor(data_batch)
            states = loop.states_for(batch, data_batch)
            frames = model(data['inputs'], states=states, start=data['start'])
            without = model(data['inputs'], start=data['start'])
            for i, clip in enumerate(batch):
                window = loop.dataloader.dataset[plan.entries[clip.entry]]
                whole = model(model.data_preprocessor(window)['inputs'][None])[0]
                expected = whole[clip.index.start : clip.index.start + 3]
                self.worst = max(self.worst, float((frames[i] - expected).abs().max()))
                self.effect = max(self.effect, float((without[i] - expected).abs().max()))
            model.train()

    compare = Compare()
    train(cfg, [compare])
    assert compare.worst <= 1e-5
    assert compare.effect > 10 * max(compare.worst, 1e-7)


@pytest.mark.slow
def test_a_resumed_training_does_not_begin_again(make_cfg, pretrained):
    """Automatic resume goes by the work dir; ``load_from`` is for the beginning only."""
    cfg, seen = make_cfg('ristn_paper', TINY_LSTM, 2, load_from=pretrained), Seen()
    resume_if_begun(cfg)
    assert (cfg.resume, cfg.load_from) == (False, pretrained)
    first = train(cfg, [seen])
    again, seen = make_cfg('ristn_paper', TINY_LSTM, 4, load_from=pretrained), Seen()
    resume_if_begun(again)
    assert (again.resume, again.load_from) == (True, str(first))
    train(again, [seen])
    assert len(seen.losses) == 2
    middle = weights_of(first)
    assert all(torch.equal(value, middle[key]) for key, value in seen.before.items())
    assert log_of(again).count('entries loaded') == 1


@pytest.mark.parametrize('windows', [False, True], ids=['FC', 'FC of windows'])
def test_wrapped_networks_begin_with_them_too(make_cfg, pretrained, windows):
    net = dict(type='RISTNNet', **TINY_LSTM)
    if windows:
        net = dict(type='WindowedInference', net=net)
    generator = dict(_delete_=True, type='FrameConditioned', last_frame=5, net=net)
    cfg = make_cfg('ristn_paper', generator, 1, load_from=pretrained, clip_length=3)
    seen = Seen()
    train(cfg, [seen])
    for key, value in weights_of(pretrained).items():
        inside = key.replace('generator', 'generator.net.net' if windows else 'generator.net')
        assert torch.equal(seen.before[inside], value)


@pytest.mark.parametrize(
    'generator, message',
    [
        (dict(TINY_LSTM, bottlenecks=((2,), (2,))), 'size mismatch for'),
        (
            dict(_delete_=True, type='StatefulBasicVSRNet', mid_channels=4, num_blocks=1),
            'no weights',
        ),
    ],
    ids=['shapes', 'another network'],
)
def test_a_checkpoint_that_does_not_fit(make_cfg, pretrained, generator, message):
    logging.disable()
    cfg = make_cfg('ristn_paper', generator, 1, load_from=pretrained, clip_length=3)
    with pytest.raises(UserError, match=f'load_from={pretrained}: .*{message}') as error:
        train(cfg)
    logging.disable(logging.NOTSET)
    assert '\n' not in str(error.value)
