"""PI-BPTT under MMEngine's Runner: exactness, the bank, warm-up, explosions."""

import pytest
import torch
from mmengine.hooks import Hook

from harness.errors import UserError
from harness.training.loops import DivergedError
from harness.training.run import train
from tests.harness.training.trainings import (
    BASICVSR,
    BASICVSR_PP,
    CONDITIONED,
    CROP,
    DIRECTION_AWARE,
    ICONVSR,
    MRVSR,
    OWN_LENGTH,
    PI,
    CompareWithWholeWindow,
    Seen,
    assert_same_weights,
    checkpoints,
    weights_of,
)

RANDOM = dict(type='normal', std=0.1)


@pytest.mark.parametrize(
    'generator',
    [
        pytest.param(None, id='frvsr'),
        pytest.param(BASICVSR, id='basicvsr'),
        pytest.param(BASICVSR_PP, id='basicvsr_pp', marks=pytest.mark.slow),
        pytest.param(ICONVSR, id='iconvsr', marks=pytest.mark.slow),
        pytest.param(CONDITIONED, id='frvsr-FC'),
        pytest.param(OWN_LENGTH, id='frvsr-FC-own-length'),
        pytest.param(DIRECTION_AWARE, id='basicvsr-FC-both-ways'),
        pytest.param(MRVSR, id='mrvsr'),
    ],
)
def test_clips_equal_the_whole_window(make_cfg, generator):
    """With a learning rate of 0 the stored states never get old."""
    cfg = make_cfg(PI, 9, generator=generator, state_pass_batch=2)
    cfg.optim_wrapper.optimizer.lr = 0
    cfg.param_scheduler = []
    compare = CompareWithWholeWindow()
    train(cfg, [compare])
    assert compare.clips == 18
    assert compare.worst <= 1e-5
    assert compare.state_effect > 1e-3


class Explode(Hook):
    """From the second epoch on each frame adds to the detail what a few frames can't hold."""

    def before_train_epoch(self, runner):
        if runner.epoch == 1:
            runner.model.generator.tail[0].bias.data.fill_(1.5e38)


@pytest.mark.slow
def test_exploding_states_end_the_training(make_cfg):
    cfg, seen = make_cfg(PI, 12), Seen()
    with pytest.raises(DivergedError, match='state pass before iteration 5') as error:
        train(cfg, [Explode(), seen])
    assert any(f'video {n} explode' in str(error.value) for n in ('coffee', 'astronaut', 'chelsea'))
    assert len(seen.batches) == 4
    assert checkpoints(cfg) == ['iter_3.pth']


@pytest.mark.slow
def test_large_states_end_the_training_if_they_shall(make_cfg):
    with pytest.raises(DivergedError, match=r'explode \(RMS .*, limit 0.001\)'):
        train(make_cfg(PI, 12, max_state_norm=1e-3))


def test_warmup_keeps_states_off_in_the_first_epochs(make_cfg):
    """Epochs begin at iterations 0, 4 and 9: the first one not before iteration 2 is the second."""
    seen = Seen()
    train(make_cfg(PI, 10, warmup_iters=2), [seen])
    assert [had_states for _, had_states in seen.batches] == [False] * 4 + [True] * 6


@pytest.mark.slow
def test_the_bank_holds_only_the_states_that_are_used(make_cfg):
    seen = Seen()
    train(make_cfg(PI, 5), [seen])  # ends in the epoch of iterations 4 to 8: 10 clips of 3 videos
    bank = seen.loop.bank
    starts = sum(len(batch) for batch in seen.loop.plan.batches)
    assert bank.take([0], [0]).forward['sr'].shape == (1, 3, 4 * CROP, 4 * CROP)
    one = 4 * (16 + 1) * 3 * CROP * CROP
    assert starts * one <= bank.nbytes <= 3 * 4 * one
    assert bank.nbytes <= seen.loop.bank_bytes()


@pytest.mark.slow
@pytest.mark.parametrize('generator', [None, BASICVSR], ids=['frvsr', 'basicvsr'])
def test_all_boundaries_give_the_same_weights(make_cfg, generator):
    used, everything = Seen(), Seen()
    weights = []
    for seen, states in ((used, 'used'), (everything, 'all')):
        cfg = make_cfg(PI, 6, states, generator, states=states)
        # Adam would make much of the rounding differences of other batch sizes
        cfg.optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.1))
        weights.append(weights_of(train(cfg, [seen])))
    for key, x in weights[0].items():
        assert torch.allclose(x, weights[1][key], atol=1e-5), key
    assert used.loop.bank.nbytes < everything.loop.bank.nbytes <= everything.loop.bank_bytes()
    assert used.loop.bank.nbytes <= used.loop.bank_bytes()


@pytest.mark.slow
@pytest.mark.parametrize('bank', [dict(place='cpu'), dict(place='disk')], ids=['cpu', 'disk'])
def test_the_place_of_the_bank_changes_nothing(make_cfg, bank):
    first = train(make_cfg(PI, 6, 'device'))
    assert_same_weights(weights_of(first), weights_of(train(make_cfg(PI, 6, 'other', bank=bank))))


@pytest.mark.slow
def test_half_precision_bank(make_cfg):
    seen = Seen()
    first = weights_of(train(make_cfg(PI, 5, 'single'), [seen]))
    half_seen = Seen()
    cfg = make_cfg(PI, 5, 'half', bank=dict(dtype='float16'))
    half = weights_of(train(cfg, [half_seen]))
    assert half_seen.loop.bank_bytes() == seen.loop.bank_bytes() // 2
    difference = max(float((half[key] - first[key]).abs().max()) for key in first)
    assert 0 < difference < 1e-2


@pytest.mark.slow
def test_state_pass_batch_changes_nothing_but_rounding(make_cfg):
    """Videos of 20, 22 and 24 frames alone, and padded in one batch."""
    one = weights_of(train(make_cfg(PI, 5, 'one', BASICVSR, state_pass_batch=1)))
    many = weights_of(train(make_cfg(PI, 5, 'many', BASICVSR, state_pass_batch=16)))
    assert max(float((one[key] - many[key]).abs().max()) for key in one) < 1e-4


@pytest.mark.parametrize('generator', [None, BASICVSR], ids=['frvsr', 'basicvsr'])
def test_random_initial_states_are_those_of_the_pass(make_cfg, generator):
    """A clip at frame 0 starts from the very state that the window's pass began with."""

    class Check(Hook):
        at_zero = 0

        def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
            loop = runner.train_loop
            first = loop.planner.first_iteration(loop.epoch)
            for i, clip in enumerate(loop.plan.batches[loop.iter - first]):
                if clip.index.start == 0:
                    self.at_zero += 1
                    window = loop.dataloader.dataset[loop.plan.entries[clip.entry]]
                    lrs = window['inputs'][None].float() / 255
                    drawn = loop.init_state.draw(loop.model.generator, lrs, loop.epoch, clip.entry)
                    for key, x in drawn.forward.items():
                        assert torch.equal(data_batch['states'].forward[key][i], x[0])

    check = Check()
    train(make_cfg(PI, 14, 'one', generator, init_state=RANDOM, repeats=9), [check])
    assert check.at_zero > 0


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(states='some'), "train_cfg.states: 'some' is neither"),
        (dict(bank=dict(place='gpu')), "train_cfg.bank.place: 'gpu' is unknown"),
        (dict(bank=dict(dtype='int8')), "train_cfg.bank.dtype: 'int8' is unknown"),
        (dict(repeats=10**9), r'the hidden-state bank needs [\d.]+ GB, but only'),
    ],
)
def test_errors(make_cfg, options, message):
    with pytest.raises(UserError, match=message):
        train(make_cfg(PI, 2, **options))


def test_bank_size_is_repeats_times_entries_times_state(make_cfg):
    seen = Seen()
    train(make_cfg(PI, 1, generator=BASICVSR, repeats=4), [seen])
    one = 4 * (8 + 3) * CROP * CROP
    # both directions; the remainder of one batch may be carried into an epoch
    assert seen.loop.bank_bytes() == 2 * one * (4 * 3 + 1)
