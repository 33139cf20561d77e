"""The state pass: which frames it reads, padding, the precision of training, batch norm."""

import time

import torch
from mmagic.registry import OPTIM_WRAPPERS
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper

from harness.data import ClipIndex, prefetch
from harness.training.run import train
from harness.training.state_pass import pad_windows
from tests.harness.training.trainings import BASICVSR, CLIP, MRVSR, PI


@OPTIM_WRAPPERS.register_module(force=True)
class BFloatWrapper(OptimWrapper):
    """Autocast on a CPU, which MMEngine's ``AmpOptimWrapper`` refuses."""

    def optim_context(self, model):
        return torch.autocast('cpu', torch.bfloat16)


def test_padding_repeats_the_last_frame():
    frames = {n: torch.arange(n)[:, None, None, None].expand(n, 3, 2, 2) for n in (2, 4)}
    place = dict(start=torch.tensor(5), length=torch.tensor(9))
    samples = [dict(inputs=inputs, **place) for inputs in frames.values()]
    batch = pad_windows(samples)
    assert batch['inputs'][:, :, 0, 0, 0].tolist() == [[0, 1, 1, 1], [0, 1, 2, 3]]
    assert batch['lengths'].tolist() == [2, 4] and batch['length'].tolist() == [9, 9]
    assert batch['start'].tolist() == [5, 5]


class ReadFrames(Hook):
    """Remembers what the state pass of the first epoch asks for."""

    def before_train(self, runner):
        self.loop = runner.train_loop
        dataset = self.loop.state_pass.loader.dataset
        self.asked, read = [], dataset.__class__.__getitem__
        spy = self

        class Spy(dataset.__class__):
            def __getitem__(self, index):
                if isinstance(index, ClipIndex) and not index.with_gt:
                    spy.asked.append(index)
                return read(self, index)

        dataset.__class__ = Spy


def windows_read(cfg):
    hook = ReadFrames()
    train(cfg, [hook])
    loop = hook.loop
    last = {}
    for batch in loop.plan.batches:
        for clip in batch:
            key = (clip.index.video, loop.plan.entries[clip.entry].window)
            last[key] = max(last.get(key, 0), clip.index.start)
    lengths = loop.dataloader.dataset.lengths
    return [(i.length, last[i.video, i.window], lengths[i.video]) for i in hook.asked]


def test_it_reads_what_leads_to_the_last_state(make_cfg):
    for length, last, _ in windows_read(make_cfg(PI, 4)):
        assert length == max(last, 1)


def test_look_ahead_reads_the_frames_behind_the_clips(make_cfg):
    for length, last, frames in windows_read(make_cfg(PI, 4, generator=MRVSR)):
        assert length == min(last + CLIP + 1, frames)


def test_bidirectional_networks_need_whole_windows(make_cfg):
    for length, _, frames in windows_read(make_cfg(PI, 4, generator=BASICVSR)):
        assert length == frames


def test_autocast_is_that_of_training(make_cfg):
    """States of a bfloat16 pass differ from float32's by bfloat16's rounding."""
    stored = {}

    class Keep(Hook):
        def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
            stored.setdefault(runner.cfg.work_dir, data_batch['states'].forward['sr'])

    for folder, wrapper in (('single', 'OptimWrapper'), ('half', 'BFloatWrapper')):
        cfg = make_cfg(PI, 1, folder)
        cfg.optim_wrapper.type = wrapper
        train(cfg, [Keep()])
    single, half = stored.values()
    assert half.dtype == torch.float32
    difference = float((single - half).abs().max())
    assert 1e-5 < difference < 0.1


def test_batches_are_read_while_the_network_works():
    """A thread asks for the next batch before the first one is used up."""
    asked = []

    def batches():
        for number in range(3):
            asked.append(number)
            yield number

    ahead = prefetch(batches())
    assert next(ahead) == 0
    deadline = time.monotonic() + 10
    while asked != [0, 1]:
        assert time.monotonic() < deadline
    assert list(ahead) == [1, 2] and asked == [0, 1, 2]
