"""The state bank: what goes in comes out, and nothing that is not finite goes unseen."""

import math

import pytest
import torch

from harness.networks.recurrent import States
from harness.training.state_bank import StateBank


def both_ways():
    """Random states of one entry with R = 3, both directions."""
    return States(*({'feat': torch.randn(3, 2, 4, 4), 'lr': torch.rand(3, 3, 4, 4)} for _ in 'fb'))


def test_take():
    bank, entries = StateBank(), {7: both_ways(), 2: both_ways()}
    for number, states in entries.items():
        bank.put(number, states)
    taken = bank.take([2, 7, 2], [0, 2, 1])
    for direction in range(2):
        for key in ('feat', 'lr'):
            expected = [entries[e][direction][key][r] for e, r in ((2, 0), (7, 2), (2, 1))]
            assert torch.equal(taken[direction][key], torch.stack(expected))


def test_take_without_backward_states():
    bank = StateBank()
    bank.put(0, States({'sr': torch.ones(2, 3, 4, 4)}))
    taken = bank.take([0], [1])
    assert taken.backward is None
    assert taken.forward['sr'].shape == (1, 3, 4, 4)


def test_norms():
    bank = StateBank()
    bank.put(4, States({'sr': torch.tensor([[3.0, 4.0]]), 'lr': torch.tensor([[1.0]])}))
    assert bank.norms() == {4: pytest.approx(math.sqrt(12.5))}


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
@pytest.mark.parametrize('direction', [0, 1], ids=['forward', 'backward'])
@pytest.mark.parametrize('key', ['feat', 'lr'])
def test_norms_show_what_is_not_finite(value, direction, key):
    bank, states = StateBank(), both_ways()
    states[direction][key][1, 0, 2, 2] = value
    bank.put(0, states)
    assert not math.isfinite(bank.norms()[0])
