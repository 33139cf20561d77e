"""Times of the parts of training, by the CPU's clock and by events of a GPU."""

import time

import pytest

from harness.training.timing import PartTimer


class Queue:
    """A GPU whose work takes the seconds that it is given, and is done when it is asked to be."""

    def __init__(self):
        self.asked, self.done, self.waits = 0.0, 0.0, 0

    def work(self, seconds):
        self.asked += seconds

    def event(self):
        return Event(self)


class Event:
    def __init__(self, queue):
        self.queue = queue

    def record(self):
        self.at = self.queue.asked

    def query(self):
        return self.at <= self.queue.done

    def synchronize(self):
        self.queue.waits += not self.query()
        self.queue.done = max(self.queue.done, self.at)

    def elapsed_time(self, end):
        assert end.query()
        return 1e3 * (end.at - self.at)


def test_parts_of_a_gpu_are_read_when_it_has_come_by():
    queue = Queue()
    timer = PartTimer(queue.event)
    for _ in range(3):
        with timer.part('load'):
            pass
        with timer.part('step'):
            queue.work(2.0)
    assert queue.waits == 0 and timer._seconds == dict(load=0.0)
    queue.done = 3.0
    with timer.part('state_pass'):
        queue.work(5.0)
    assert timer._seconds['step'] == 2.0 and queue.waits == 0
    assert timer.seconds == dict(load=0.0, step=6.0, state_pass=5.0)
    assert queue.waits > 0
    assert timer.ms_per_iteration(2) == dict(
        ms_per_iteration=5500.0, load_ms=0.0, step_ms=3000.0, state_pass_ms=2500.0
    )


def test_parts_on_a_cpu():
    timer = PartTimer()
    timer.seconds = dict(step=1.0)
    with timer.part('step'):
        time.sleep(0.02)
    assert timer.seconds['step'] == pytest.approx(1.02, abs=0.5) and timer.seconds['step'] >= 1.02
