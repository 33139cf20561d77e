"""The state bank: what goes in comes out, and nothing that is not finite goes unseen."""

import errno
import gc
import math
import os
from collections import namedtuple

import pytest
import torch

from harness.errors import UserError
from harness.networks.recurrent import States
from harness.training import state_bank
from harness.training.state_bank import (
    BankOptions,
    StateBank,
    check_fits,
    state_bytes,
)

SHAPES = {'feat': (2, 4, 4), 'lr': (3, 4, 4)}
BOTH = (SHAPES, SHAPES)
CPU = torch.device('cpu')


def both_ways(slots=3):
    """Random states of one entry, both directions."""
    return States(*({k: torch.randn(slots, *shape) for k, shape in SHAPES.items()} for _ in 'fb'))


def make_bank(folder, slots=(3, 1, 3), shapes=BOTH, **options):
    return StateBank(slots, shapes, CPU, BankOptions(**options), folder)


@pytest.mark.parametrize('place', ['device', 'cpu', 'disk'])
def test_take(tmp_path, place):
    bank, entries = make_bank(tmp_path, place=place), {2: both_ways(), 0: both_ways()}
    for number, states in entries.items():
        bank.put(number, states)
    taken = bank.take([2, 0, 2], [0, 2, 1])
    for direction in range(2):
        for key in ('feat', 'lr'):
            expected = [entries[e][direction][key][r] for e, r in ((2, 0), (0, 2), (2, 1))]
            assert torch.equal(taken[direction][key], torch.stack(expected))
    assert bank.nbytes == 7 * 4 * 2 * (2 + 3) * 16 == 7 * state_bytes(BOTH, torch.float32)


def test_take_without_backward_states(tmp_path):
    bank = make_bank(tmp_path, slots=[2], shapes=({'sr': (3, 4, 4)}, {}))
    bank.put(0, States({'sr': torch.ones(2, 3, 4, 4)}))
    taken = bank.take([0], [1])
    assert taken.backward is None
    assert taken.forward['sr'].shape == (1, 3, 4, 4)


@pytest.mark.parametrize('place', ['device', 'cpu', 'disk'])
def test_half_precision(tmp_path, place):
    bank, states = make_bank(tmp_path, slots=[3], place=place, dtype='float16'), both_ways()
    bank.put(0, states)
    taken = bank.take([0], [1]).forward['feat']
    assert taken.dtype == torch.float32
    assert torch.equal(taken[0], states.forward['feat'][1].half().float())
    assert bank.nbytes == 3 * state_bytes(BOTH, torch.float16)


def test_half_precision_overflow_is_seen(tmp_path):
    bank, states = make_bank(tmp_path, slots=[3], dtype='float16'), both_ways()
    states.forward['feat'][1] *= 1e6
    bank.put(0, states)
    assert bank.norms()[0] == math.inf


def test_norms(tmp_path):
    """The largest root mean square of any of the entry's states."""
    bank = make_bank(tmp_path, slots=[1, 2], shapes=({'sr': (2,), 'lr': (1,)}, {}))
    bank.put(
        1, States({'sr': torch.tensor([[3.0, 4.0], [1, 1]]), 'lr': torch.tensor([[1.0], [2]])})
    )
    assert bank.norms() == {1: pytest.approx(math.sqrt(12.5))}


def test_norms_leave_out_whether_a_neighbour_is_known(tmp_path):
    shapes = {'hidden': (2,), 'lr': (1,), 'known': (1,)}, {'lr': (1,), 'known': (1,)}
    bank = make_bank(tmp_path, slots=[1], shapes=shapes)
    beside = {'lr': torch.tensor([[0.25]]), 'known': torch.ones(1, 1)}
    bank.put(0, States({'hidden': torch.tensor([[0.3, 0.4]]), **beside}, beside))
    assert bank.norms() == {0: pytest.approx(math.sqrt(0.125))}
    assert bank.take([0], [0]).backward['known'].item() == 1


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
@pytest.mark.parametrize('direction', [0, 1], ids=['forward', 'backward'])
@pytest.mark.parametrize('key', ['feat', 'lr'])
def test_norms_show_what_is_not_finite(tmp_path, value, direction, key):
    bank, states = make_bank(tmp_path, slots=[3]), both_ways()
    states[direction][key][1, 0, 2, 2] = value
    bank.put(0, states)
    assert not math.isfinite(bank.norms()[0])


def mappings_in(folder):
    with open('/proc/self/maps') as maps:
        return [line for line in maps if str(folder) in line]


@pytest.mark.slow
def test_disk_banks_leave_nothing(tmp_path):
    """The file has no name from the beginning; its space is free when the bank is gone."""
    bank = make_bank(tmp_path, place='disk')
    assert not list(tmp_path.iterdir())
    assert len(mappings_in(tmp_path)) == 4
    del bank
    gc.collect()
    assert not mappings_in(tmp_path)


def test_full_disk(tmp_path, monkeypatch):
    def full(file, offset, size):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, 'posix_fallocate', full)
    with pytest.raises(UserError, match='the hidden-state bank .* No space left on device'):
        make_bank(tmp_path, place='disk')
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('place, where', [('device', 'main memory'), ('disk', 'disk at')])
def test_banks_that_do_not_fit_are_refused(tmp_path, monkeypatch, place, where):
    free = namedtuple('Free', 'available free')(available=999, free=999)
    monkeypatch.setattr(state_bank.psutil, 'virtual_memory', lambda: free)
    monkeypatch.setattr(state_bank.shutil, 'disk_usage', lambda path: free)
    check_fits(999, BankOptions(place), CPU, tmp_path)
    message = f'needs 2.00 GB, but only 1.0 kB are free .{where}.*Lower train_cfg.repeats'
    with pytest.raises(UserError, match=message):
        check_fits(2 * 10**9, BankOptions(place), CPU, tmp_path)
