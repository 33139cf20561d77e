"""Losses that are read one iteration late."""

import torch

from harness.training.late_scalars import LateScalars


def scalars(number):
    return dict(loss=torch.tensor(1.0 * number), bad=torch.tensor(0.0))


def test_each_iteration_gets_those_of_the_one_before():
    late = LateScalars(is_late=True)
    assert late.exchange(scalars(1), 'first') is None
    values, about = late.exchange(scalars(2), 'second')
    assert (values, about) == (scalars(1), 'first')
    values, about = late.rest()
    assert (values, about) == (scalars(2), 'second')
    assert late.rest() is None


def test_what_is_handed_out_does_not_change_with_its_tensor():
    late, given = LateScalars(is_late=True), scalars(1)
    late.exchange(given, None)
    given['loss'] += 5
    assert late.rest().values == scalars(1)


def test_on_a_cpu_there_is_no_delay():
    late, given = LateScalars(), scalars(1)
    assert late.exchange(given, 'now') == (given, 'now')
    assert late.rest() is None
