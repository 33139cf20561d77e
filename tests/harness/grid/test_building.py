"""Runs that cannot be built and banks that cannot fit, each on purpose."""

import psutil
import pytest
import torch
from mmengine.registry import DefaultScope

from harness.formats import bytes_text
from harness.grid.building import find_problems
from harness.grid.expand import expand
from harness.grid.validation import Start, load_grid, place
from harness.strategies import STRATEGIES

#: bytes of a state of the grid's network: SR and LR frame of a 16 x 16 window
STATE = 4 * 16 * 16 * (3 * 16 + 3)


@pytest.fixture(autouse=True)
def scope():
    """The process that a grid asks is gone afterwards, this one is not."""
    yield
    DefaultScope._instance_dict.clear()


@pytest.fixture
def problems(grid_file, tmp_path):
    """What is found where the network has these options, or its config this text besides."""

    def find(*options, text='', nproc=1, trains=True, work_dir=tmp_path, jobs=1, here=True, **axes):
        config = tmp_path / 'tiny.py'
        config.write_text(config.read_text() + text)
        grid = grid_file.read_text().replace("label='Tiny'", f'options={options!r}')
        (tmp_path / 'grid.py').write_text(grid)
        grid = load_grid(str(tmp_path / 'grid.py'), axes, nproc)
        runs = [
            Start(place(grid, r.axes.network), r, r.is_trained and trains) for r in expand(grid)
        ]
        found = list(dict.fromkeys(find_problems(runs, work_dir, jobs, here)))
        where = f'networks.tiny ({config}) '
        assert all(line.startswith((where, 'jobs: ')) for line in found)
        return [line.removeprefix(where) for line in found]

    return find


def test_a_model_of_mmagic(problems):
    text = "model = dict(type='BasicVSR', generator=dict(type='BasicVSRNet'), _delete_=True)\n"
    (line,) = problems(text=text, trains=False)
    assert line.startswith("model: BasicVSR is MMagic's own; this harness takes")


def test_a_grid_that_works(problems):
    assert problems(fc=[False, True], strategies=list(STRATEGIES)) == []


@pytest.mark.parametrize(
    'option, problem',
    [
        (
            'model.generator.type=FRVSRNett',
            'model.generator: KeyError: FRVSRNett is not in the mmagic::model registry.',
        ),
        ('model.generator.mid_chanels=3', 'model.generator: TypeError: '),
        (
            'model.pixel_loss.type=L3Loss',
            'model: KeyError: L3Loss is not in the mmagic::model registry.',
        ),
        ('train_dataloader.dataset.fast=True', 'train_dataloader: TypeError: '),
        ('train_cfg.repeat=3', 'train_cfg: TypeError: '),
        ('train_cfg.init_state.type=uniform', 'train_cfg.init_state: must be None or'),
        ('optim_wrapper.optimizer.speed=3', 'optim_wrapper: TypeError: '),
        (
            'default_hooks.checkpoint.max_keep_ckpts=1',
            'default_hooks.checkpoint: ValueError: max_keep_ckpts must be -1 or at least 2, got 1',
        ),
        ("custom_hooks = [dict(type='FreezeFlowHook')]", 'custom_hooks[0]: TypeError: '),
        (
            "param_scheduler = [dict(type='CosineLR')]",
            'param_scheduler[0]: KeyError: CosineLR is not in the ',
        ),
    ],
)
def test_parts_that_cannot_be_built(problems, option, problem):
    """One line each, whatever the number of seeds."""
    given = dict(text=option) if ' ' in option else {}
    (line,) = problems(*([] if given else [option]), seeds=[0, 1], strategies=['RI'], **given)
    assert line.startswith(problem)


def test_all_parts_that_cannot_be_built_at_once(problems):
    found = problems(
        'default_hooks.checkpoint.max_keep_ckpts=1',
        'optim_wrapper.optimizer.speed=3',
        'train_cfg.states=some',
        strategies=['PI'],
        R=[2],
    )
    assert [line.split(':')[0] for line in found] == [
        'default_hooks.checkpoint',
        'optim_wrapper',
        'train_cfg.states',
    ]


def test_networks_without_states_cannot_be_trained_with_pi(problems):
    text = "model['generator'] = dict(type='BicubicUpsampler', _delete_=True)\n"
    assert problems(text=text, strategies=['PI', 'TBPTT'], R=[2], here=False) == [
        f'train_cfg: BicubicUpsampler provides no states, from which {loop} must start clips: '
        'train it with RI'
        for loop in ('PIBPTTLoop', 'TBPTTLoop')
    ]
    assert problems(strategies=['RI'], here=False) == []


def test_what_only_training_needs(problems):
    """Runs that are trained are only to be evaluated."""
    assert problems('train_cfg.repeat=3', 'model.generator.mid_channels=4', trains=False) == []
    (line,) = problems('train_cfg.repeat=3', 'model.generator.mid_chanels=4', trains=False)
    assert line.startswith('model.generator: TypeError: ')


def test_networks_without_states_have_none_to_set_back(problems):
    assert problems(reset_every=[None, 5]) == []
    text = "model['generator'] = dict(type='BicubicUpsampler', _delete_=True)\n"
    axes = dict(strategies=['RI'], here=False)
    assert problems(text=text, reset_every=[None], **axes) == []
    assert problems(reset_every=[None, 5], **axes) == [
        'reset_every: BicubicUpsampler processes each frame by itself and has no state to reset'
    ]


def test_guards_watch_unidirectional_networks(problems):
    assert problems(reset_every=['5-norm2', '6-overlap3'], trains=False) == []
    text = "model['generator'] = dict(type='StatefulBasicVSRNet', mid_channels=4, _delete_=True)\n"
    axes = dict(strategies=['RI'], here=False, trains=False)
    assert problems(text=text, reset_every=['6-overlap3'], **axes) == []
    (line,) = problems(text=text, reset_every=['5-norm2'], **axes)
    assert line.startswith('reset_every: StatefulBasicVSRNet: a reset by norm or distance needs a')


@pytest.fixture
def free(monkeypatch):
    """Sets the bytes of memory that are free."""

    def be(size):
        monkeypatch.setattr(psutil, 'virtual_memory', lambda: Memory(size))

    return be


class Memory:
    def __init__(self, available):
        self.available = available


def bank(repeats):
    """Three videos with two windows each; the last batch of an epoch may be one clip short."""
    return (6 * repeats + 1) * STATE


def test_banks_that_do_not_fit(problems, free):
    free(bank(4) - 1)
    (line,) = problems(seeds=[0, 1])
    assert line.startswith(
        f'train_cfg.bank (PI, R=4): the hidden-state bank needs {bytes_text(bank(4))}, but only '
        f'{bytes_text(bank(4) - 1)} are free (main memory). Lower train_cfg.repeats'
    )
    assert problems(here=False) == []
    free(bank(4))
    assert problems() == []
    every = 2 * ((20 - 3) + (22 - 3) + (24 - 3)) * STATE
    free(every - 1)
    (line,) = problems(strategies=['PI-all'], R=[2])
    assert line.startswith(
        f'train_cfg.bank (PI-all, R=2): the hidden-state bank needs {bytes_text(every)}'
    )


def test_banks_of_runs_at_the_same_time(problems, free):
    """R = 2 and R = 4 both fit, but not together; processes of a run share its bank."""
    free(bank(2) + bank(4) - 1)
    assert problems(jobs=1) == []
    (line,) = problems(jobs=2)
    assert line.startswith(
        f'jobs: the hidden-state banks of 2 simultaneous runs need '
        f'{bytes_text(bank(2) + bank(4))}, but only '
        f'{bytes_text(bank(2) + bank(4) - 1)} are free (main memory). Lower --jobs'
    )
    assert problems(jobs=2, nproc=2) == [line]
    free(bank(2) + bank(4))
    assert problems(jobs=3) == []


def test_banks_on_disk(problems, tmp_path):
    grid = dict(strategies=['PI'], R=[2])
    assert problems('train_cfg.bank.place=disk', **grid) == []
    options = ['train_cfg.bank.place=disk', 'train_cfg.bank.folder=/no/such']
    (line,) = problems(*options, **grid)
    assert line == 'train_cfg.bank.folder: no such folder: /no/such'
    assert problems(*options[:1], work_dir=tmp_path / 'yet' / 'to make', **grid) == []


def test_options_of_banks(problems):
    (line,) = problems('train_cfg.bank.place=moon', R=[2], strategies=['PI'])
    assert line == "train_cfg.bank.place: 'moon' is unknown; there are device, cpu, disk"
    (line,) = problems('train_cfg.bank.plaice=cpu', R=[2], strategies=['PI'])
    assert line.startswith('train_cfg: TypeError: ') and 'plaice' in line


def test_further_axes_are_built_as_well(problems, tmp_path):
    """Weights that a training begins with must fit, unless a hook mends them."""
    wrong = tmp_path / 'wrong.pth'
    torch.save(dict(state_dict={'generator.head.weight': torch.zeros(3, 3)}), wrong)
    sweep = dict(strategies=['RI'], init_from=[None, str(wrong)])
    (problem,) = problems(**sweep)
    assert problem.startswith(f'load_from={wrong}: does not fit this model: ')
    assert problems(text="\ncustom_hooks = [dict(type='PartialLoadHook')]\n", **sweep) == []
    found = problems(strategies=['PI'], R=[2], p_initial=[0.5, 2])
    assert found == ['train_cfg.p_initial: 2 is not a number in [0, 1)']
    found = problems(strategies=['PI'], R=[2], amplification_weight=[0, -1])
    assert found == ['train_cfg.amplification_weight: -1 is not a number in [0, inf)']
