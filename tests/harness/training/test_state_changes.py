"""Changes of the stored states before clips start from them."""

import numpy as np
import pytest
import torch
from mmengine.hooks import Hook

from harness.data import ClipIndex, Window
from harness.errors import UserError
from harness.networks.recurrent import States
from harness.training.run import train
from harness.training.state_changes import StateChanges, change, other_entries
from tests.harness.training.trainings import BASICVSR, PI, RLSP


class Remember(Hook):
    """The states of each iteration, and those of the bank."""

    def __init__(self):
        self.states, self.stored, self.entries = [], [], []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        loop = runner.train_loop
        batch = loop.plan.batches[loop.iter - loop.planner.first_iteration(loop.epoch)]
        self.states.append(data_batch['states'])
        entries = [clip.entry for clip in batch]
        self.stored.append(loop.bank.take(entries, loop.slots_of(batch)))
        self.entries.append((loop.plan.entries, entries, loop.bank))


def remembered(make_cfg, iterations=6, generator=None, folder='run', **options):
    seen = Remember()
    cfg = make_cfg(dict(PI, **options), iterations, generator=generator, folder=folder)
    cfg.optim_wrapper.optimizer.lr = 0
    train(cfg, [seen])
    return seen


def same(first, second):
    return all(
        torch.equal(x, second[d][key]) for d in range(2) for key, x in (first[d] or {}).items()
    )


def pick(state, number):
    return {key: x[number] for key, x in state.items()}


def equal(first, second):
    return all(torch.equal(x, second[key]) for key, x in first.items())


def test_nothing_changes_by_default(make_cfg):
    seen = remembered(make_cfg)
    assert all(same(*pair) for pair in zip(seen.states, seen.stored, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize('generator', [None, BASICVSR, RLSP], ids=['frvsr', 'basicvsr', 'rlsp'])
def test_some_clips_start_from_the_initial_state(make_cfg, generator):
    seen = remembered(make_cfg, 10, generator, p_initial=0.5)
    fresh = kept = 0
    for states, stored in zip(seen.states, seen.stored, strict=True):
        for i in range(2):
            own, before = (pick(s.forward, i) for s in (states, stored))
            if not any(x.any() for x in before.values()):
                continue  # the clip begins its video
            if any(x.any() for x in own.values()):
                assert equal(own, before)
                kept += 1
            else:
                fresh += 1
                if generator is BASICVSR:
                    assert not any(x[i].any() for x in states.backward.values())
            if generator is RLSP:  # the next LR frame is no memory
                assert equal(pick(states.backward, i), pick(stored.backward, i))
    assert fresh >= 3 and kept >= 3
    again = remembered(make_cfg, 10, generator, 'again', p_initial=0.5)
    assert all(same(*pair) for pair in zip(seen.states, again.states, strict=True))


def test_states_of_other_videos(make_cfg):
    seen = remembered(make_cfg, states_from='other')
    for states, stored, (windows, entries, bank) in zip(
        seen.states, seen.stored, seen.entries, strict=True
    ):
        assert torch.equal(states.forward['lr'], stored.forward['lr'])  # it is no memory
        for i, entry in enumerate(entries):
            memory = {k: x for k, x in pick(states.forward, i).items() if k not in ('lr', 'known')}
            others = [
                (e, slot)
                for e, window in enumerate(windows)
                if window.video != windows[entry].video
                for slot in range(bank.slots(e))
                if equal(memory, pick(bank.take([e], [slot]).forward, 0))
            ]
            assert memory and others


def test_states_of_noise_have_the_moments_of_the_bank(make_cfg):
    seen = remembered(make_cfg, 12, states_from='noise', repeats=4)
    key = next(k for k in seen.states[0].forward if k not in ('lr', 'known'))
    drawn = torch.cat([s.forward[key] for s in seen.states]).transpose(0, 1).flatten(1)
    _, _, bank = seen.entries[0]
    mean, std = (x.flatten() for x in bank.moments()[0][key])
    content = bank.content().forward[key].transpose(0, 1).flatten(1)
    assert torch.allclose(mean, content.mean(1), atol=1e-5)
    assert torch.allclose(std, content.std(1, unbiased=False), atol=1e-5)
    # weights do not change, windows do: the moments are similar in all epochs
    assert torch.allclose(drawn.mean(1), mean, atol=float(std.max()))
    assert drawn.std() < 3 * content.std() and not same(seen.states[0], seen.stored[0])


def test_noise_and_dropout():
    torch.manual_seed(0)
    x = torch.randn(3, 4, 40, 40) * torch.tensor([1.0, 5.0, 0.0]).view(-1, 1, 1, 1)
    lr = torch.rand(3, 3, 40, 40)
    states = States(dict(feat=x, lr=lr), dict(lr=lr))
    noisy = change(states, StateChanges(state_noise=0.2), 0, 7)
    difference = noisy.forward['feat'] - x
    rms = difference.flatten(1).square().mean(1).sqrt()
    assert torch.allclose(rms, torch.tensor([0.2, 1.0, 0.0]), rtol=0.05)
    assert torch.equal(noisy.forward['lr'], lr) and torch.equal(noisy.backward['lr'], lr)
    dropped = change(states, StateChanges(state_dropout=0.25), 0, 7).forward['feat'][:2]
    share = (dropped == 0).float().mean()
    assert abs(share - 0.25) < 0.02
    left = dropped != 0
    assert torch.allclose(dropped[left], x[:2][left] / 0.75)
    again = change(states, StateChanges(state_noise=0.2), 0, 7)
    other = change(states, StateChanges(state_noise=0.2), 0, 8)
    assert same(noisy, again) and not same(noisy, other)


def test_one_video_has_no_other():
    window = Window(0, 0, 8, 8)
    entries = [ClipIndex(0, window, 0, 9), ClipIndex(0, window, 0, 9)]
    with pytest.raises(UserError, match="'other' needs entries of two videos"):
        other_entries(entries, np.random.default_rng(0))
    entries.append(ClipIndex(1, window, 0, 9))
    assert other_entries(entries, np.random.default_rng(0))[:2] == [2, 2]


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(states_from='mine'), "states_from: 'mine' is not one of own, other, noise"),
        (dict(p_initial=1.0), 'p_initial: 1.0 is not a number in .0, 1.'),
        (dict(state_dropout=-0.1), 'state_dropout: -0.1 is not a number'),
        (dict(state_noise='much'), "state_noise: 'much' is not a number"),
        (dict(state_noise=float('nan')), 'state_noise: nan is not a number'),
    ],
)
def test_impossible_values(make_cfg, options, message):
    with pytest.raises(UserError, match=message):
        train(make_cfg(dict(PI, **options), 2))
