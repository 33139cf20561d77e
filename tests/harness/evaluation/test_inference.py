"""Frame by frame, in bounded memory, comes what the network gives for the whole video at once."""

import gc
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from mmagic.registry import MODELS
from torch import nn

from harness.errors import UserError
from harness.evaluation import network_run
from harness.evaluation.inference import STATES, super_resolve
from harness.networks.recurrent import RecurrentNet, States, Sweep, Unrolled
from harness.runs.resets import Reset
from tests.harness.networks import light_nets  # noqa: F401  (registers)

CONV_FLOW = dict(type='ConvFlowNet', channels=8)
FRVSR = dict(type='FRVSRNet', mid_channels=8, num_blocks=1, flow_net=dict(type='FRVSRFlowNet'))
RESIDUAL = dict(
    type='FRVSRNet',
    mid_channels=8,
    num_blocks=1,
    flow_net=CONV_FLOW,
    tail='pixel_shuffle',
    residual_recurrence=True,
)
BASICVSR = dict(type='StatefulBasicVSRNet', mid_channels=8, num_blocks=1, hr_channels=8)
BASICVSR_CONV_FLOW = BASICVSR | dict(flow_net=CONV_FLOW)


@MODELS.register_module()
class LookAheadNet(RecurrentNet):
    """A running mean, the frame and the two frames after it, of which at the end black ones."""

    look_ahead = 2

    def __init__(self, cond_channels=0):
        super().__init__()
        self.conv = nn.Conv2d(12 + cond_channels, 48, 3, padding=1)

    def following(self, lrs):
        missing = self.look_ahead - lrs.size(1)
        return {'lrs': nn.functional.pad(lrs, (0, 0) * 3 + (0, missing))}

    def unroll(self, lrs, states=None, cond=None):
        state, after = states or States()
        after = self.following(lrs[:, :0]) if after is None else after
        padded = torch.cat([lrs, after['lrs']], 1)
        mean = torch.zeros_like(lrs[:, 0]) if state is None else state['mean']
        frames = []
        for i in range(lrs.size(1)):
            inputs = [mean, *padded[:, i : i + 3].unbind(1)]
            if cond is not None:
                inputs.append(cond[:, i].expand_as(mean[:, :1]))
            frames.append(torch.pixel_shuffle(self.conv(torch.cat(inputs, 1)), 4))
            mean = 0.5 * (mean + lrs[:, i])
        return Unrolled(torch.stack(frames, 1), States({'mean': mean}))


@MODELS.register_module()
class StackedNet(RecurrentNet):
    """Two layers; in each one, means run over what the layer below gives, in both directions."""

    bidirectional = True

    def __init__(self, chain=True):
        super().__init__()
        self.chain = chain
        self.conv = nn.Conv2d(12, 48, 3, padding=1)

    def sweeps(self):
        layers = [
            Sweep(False, lambda lrs, stored, *rest: self._mean(lrs.unbind(1), *rest)),
            Sweep(True, lambda lrs, stored, *rest: self._mean(lrs.unbind(1), *rest, True)),
            Sweep(True, lambda lrs, stored, *rest: self._mean(self._sums(stored), *rest, True)),
            Sweep(False, self._finish),
        ]
        return layers if self.chain else []

    def _mean(self, xs, state, cond, backward=False):
        means = []
        for x in xs[::-1] if backward else xs:
            state = {'mean': x if state is None else 0.5 * (state['mean'] + x)}
            means.append(state['mean'])
        return means[::-1] if backward else means, state

    @staticmethod
    def _sums(stored):
        return [a + b for a, b in zip(*stored[:2], strict=True)]

    def _finish(self, lrs, stored, state, cond):
        forward, state = self._mean(self._sums(stored), state, cond)
        inputs = zip(*stored, forward, strict=True)
        return [torch.pixel_shuffle(self.conv(torch.cat(x, 1)), 4) for x in inputs], state

    def unroll(self, lrs, states=None, cond=None):
        below = (
            self._mean(lrs.unbind(1), None, None)[0],
            self._mean(lrs.unbind(1), None, None, True)[0],
        )
        above = self._mean(self._sums(below), None, None, True)[0]
        frames, _ = self._finish(lrs, [*below, above], None, None)
        return Unrolled(torch.stack(frames, 1), States())


NETWORKS = {
    'frvsr': FRVSR,
    'residual': RESIDUAL,
    'look-ahead': dict(type='LookAheadNet'),
    'spynet': BASICVSR,
    'basic': BASICVSR_CONV_FLOW,
    'basicvsr_pp': dict(type='StatefulBasicVSRPlusPlusNet', mid_channels=8, num_blocks=1),
    'iconvsr': dict(type='LightIconVSRNet', num_blocks=1),
    'stacked': dict(type='StackedNet'),
    'bicubic': dict(type='BicubicUpsampler'),
}


def build(cfg, conditioned=False):
    """A network whose frames depend on its states."""
    cfg = dict(type='FrameConditioned', net=cfg, last_frame=5) if conditioned else cfg
    net = MODELS.build(cfg).eval()
    for parameter in net.parameters():
        if parameter.ndim == 4 and parameter.shape[-1] == 3:
            parameter.data.mul_(1.5)
    return net


@pytest.fixture
def exact(monkeypatch):
    """SR frames before rounding, as float arrays (3, 4H, 4W)."""
    monkeypatch.setattr(network_run, '_to_uint8', lambda sr: sr.float().numpy())


@torch.no_grad()
def at_once(net, video):
    return net(torch.from_numpy(video).permute(0, 3, 1, 2)[None] / 255)[0].numpy()


def rgb(outputs):
    return np.stack([output.rgb for output in outputs])


# of which the last two have no planes and the first takes its time
UNCONDITIONED = [(name, True) for name in ('spynet', 'basicvsr_pp', 'stacked', 'bicubic')]
CASES = [(name, fc) for name in NETWORKS for fc in (False, True)]
CASES = [case for case in CASES if case not in UNCONDITIONED]


@pytest.mark.parametrize('frames', [1, 2, 3, 20])
@pytest.mark.parametrize('case', CASES, ids=lambda case: case[0] + ('-FC' if case[1] else ''))
def test_frame_by_frame_equals_the_whole_video(video, exact, case, frames):
    """At a size that neither 8 nor 4 divides."""
    name, conditioned = case
    net, lrs = build(NETWORKS[name], conditioned), video(frames)
    outputs = list(super_resolve(net.train(), lrs, 'cpu'))
    assert not net.training
    assert all(output.ms > 0 for output in outputs)
    assert np.abs(rgb(outputs) - at_once(net, lrs)).max() <= 1e-5


@pytest.mark.parametrize('frames', [1, 2, 3, 4, 5, 20])
@pytest.mark.parametrize('conditioned', [False, True], ids=['plain', 'FC'])
def test_states_on_disk_and_in_segments_equal_those_in_memory(video, exact, conditioned, frames):
    """Bit for bit, for the clips are the same."""
    net, lrs = build(BASICVSR_CONV_FLOW, conditioned), video(frames, 17, 31)
    memory, disk, segments = (
        rgb(super_resolve(net, lrs, 'cpu', states=states))
        for states in ('memory', 'disk', 'segments')
    )
    assert np.abs(memory - at_once(net, lrs)).max() <= 1e-5
    assert np.array_equal(disk, memory)
    assert np.array_equal(segments, memory)


def test_the_frames_above_depend_on_far_frames(video, exact):
    """Otherwise a sweep that loses its state between clips would pass."""
    net, lrs = build(BASICVSR_CONV_FLOW), video(20)
    whole = rgb(super_resolve(net, lrs, 'cpu'))
    assert np.abs(whole[0] - rgb(super_resolve(net, lrs[:8], 'cpu'))[0]).max() > 1e-4
    assert np.abs(whole[-1] - rgb(super_resolve(net, lrs[12:], 'cpu'))[-1]).max() > 1e-4


@pytest.fixture
def chain(settle):
    """Builds BRCN, STCN and tiny RISTNs, whose frames depend on their neighbours."""

    def build(name, conditioned):
        cfg = dict(type='BRCNNet')
        if name == 'STCN':
            cfg = dict(type='STCNNet', mid_channels=8, num_convs=2, layers=2)
        elif name != 'BRCN':
            tiny = dict(bottlenecks=((2, 1), (2, 1)), layers=3, growth=4)
            cfg = dict(type='RISTNNet', temporal=name, **tiny)
        if conditioned:
            cfg = dict(type='FrameConditioned', net=cfg, last_frame=5)
        net = MODELS.build(cfg)
        for name, parameter in net.named_parameters():
            if 'from_' in name or 'cond' in name:
                parameter.data.mul_(8)
        return settle(net)

    return build


@pytest.mark.parametrize('conditioned', [False, True], ids=['plain', 'FC'])
@pytest.mark.parametrize('name', ['BRCN', 'STCN', 'C', 'RC', 'DC', 'RDC'])
def test_chains_of_stacked_networks_equal_the_whole_video(video, exact, chain, name, conditioned):
    net = chain(name, conditioned)
    for frames in (1, 6):
        lrs = video(frames, 17, 22)
        swept = rgb(super_resolve(net, lrs, 'cpu'))
        assert np.abs(swept - at_once(net, lrs)).max() <= 1e-5
    # sweeps that lost their state between the clips of 4 and 2 frames would be seen
    assert np.abs(swept[3] - rgb(super_resolve(net, lrs[:4], 'cpu'))[3]).max() > 1e-3
    assert np.abs(swept[4] - rgb(super_resolve(net, lrs[4:], 'cpu'))[0]).max() > 1e-3


@torch.inference_mode()
def test_brcn_in_segments(video, exact, chain):
    net, lrs = chain('BRCN', False), video(10, 12, 14)
    segments = rgb(super_resolve(net, lrs, 'cpu', states='segments'))
    assert np.array_equal(segments, rgb(super_resolve(net, lrs, 'cpu')))


def test_chains_of_several_sweeps_cannot_work_in_segments(video):
    with pytest.raises(UserError, match="more than two sweeps.*'disk'"):
        next(
            super_resolve(MODELS.build(dict(type='StackedNet')), video(3), 'cpu', states='segments')
        )


def test_a_network_without_sweeps_takes_the_whole_video(video, exact):
    net, lrs = build(dict(type='StackedNet', chain=False)), video(5)
    outputs = list(super_resolve(net, lrs, 'cpu'))
    assert np.abs(rgb(outputs) - at_once(net, lrs)).max() <= 1e-5
    assert len({output.ms for output in outputs}) == 1


@pytest.mark.parametrize('look_ahead', [0, 2])
def test_streaming_is_lazy(video, look_ahead):
    """A frame comes before the next one is read, or later by the look-ahead."""
    read = []

    def frames():
        for number, frame in enumerate(video(5)):
            read.append(number)
            yield frame

    net = build(dict(type='LookAheadNet') if look_ahead else RESIDUAL)
    outputs = super_resolve(net, frames(), 'cpu')
    for number in range(2):
        next(outputs)
        assert read == list(range(number + 1 + look_ahead))


@pytest.mark.parametrize('states', STATES)
@pytest.mark.parametrize('frames, every', [(7, 3), (6, 3), (2, 5), (3, 1)], ids=str)
@pytest.mark.parametrize('inner', [RESIDUAL, BASICVSR_CONV_FLOW, dict(type='LookAheadNet')])
def test_reset_cuts_the_video_into_pieces(video, inner, frames, every, states):
    """Of which each is a video of its own, with frame numbers from 0."""
    net, lrs = build(inner, conditioned=True), video(frames, 16, 20)
    outputs = rgb(super_resolve(net, lrs, 'cpu', reset=every and Reset(every), states=states))
    pieces = [
        rgb(super_resolve(net, lrs[start : start + every], 'cpu', states=states))
        for start in range(0, frames, every)
    ]
    assert np.array_equal(outputs, np.concatenate(pieces))


@pytest.mark.parametrize('name', NETWORKS)
@pytest.mark.parametrize('every', [None, 2])
def test_an_empty_video_has_no_frames(name, every):
    assert not list(
        super_resolve(build(NETWORKS[name]), iter([]), 'cpu', reset=every and Reset(every))
    )


@pytest.mark.parametrize('inner', [RESIDUAL, BASICVSR_CONV_FLOW, dict(type='LookAheadNet')])
def test_frames_of_another_size_in_the_middle(video, inner):
    frames = [*video(3, 16, 20), video(1, 20, 16)[0]]
    with pytest.raises(UserError, match='LR frame 3 is 16x20, the first one 20x16'):
        list(super_resolve(build(inner), frames, 'cpu'))


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize('inner', [FRVSR, BASICVSR], ids=['frvsr', 'basicvsr'])
def test_half_precision(video, exact, inner, dtype):
    """Differs, and by little."""
    net, lrs = build(inner), video(6)
    outputs = rgb(super_resolve(net, lrs, 'cpu', dtype=dtype))
    differences = np.abs(outputs - at_once(net, lrs))
    assert 1e-6 < differences.mean() < 2e-3


def test_positions_in_warping_stay_float32(video):
    """In bfloat16 a feature that does not move would be shifted by up to a pixel."""
    net, passes = build(BASICVSR_CONV_FLOW), []
    for parameter in net.spynet.parameters():
        parameter.data.zero_()  # no flow
    net.forward_resblocks.register_forward_hook(
        lambda module, inputs, output: passes.append((inputs[0][:, 3:], output))
    )
    list(super_resolve(net, video(2, 34, 98), 'cpu', dtype=torch.bfloat16))
    (_, feature), (warped, _) = passes
    assert feature.dtype == torch.bfloat16
    assert (warped - feature).abs().max() <= 1e-4 < feature.std()


def test_progress_of_sweeps_without_frames(video):
    net, lrs = build(BASICVSR_CONV_FLOW), video(10, 16, 20)
    for states, total in (('disk', 10), ('segments', 10 + 6)):
        seen = []
        srs = super_resolve(
            net, lrs, 'cpu', states=states, on_hidden=lambda *counts, seen=seen: seen.append(counts)
        )
        next(srs)
        assert seen[0] == (2, total)  # the video's last clip
        list(srs)
        assert seen[-1] == (total, total)


def test_time_of_all_sweeps_is_attributed(video, monkeypatch):
    clock = iter(range(0, 1000))
    for name in ('perf_counter', 'thread_time'):  # of several threads, and of one
        monkeypatch.setattr(network_run.time, name, lambda: next(clock))
    net, lrs = build(BASICVSR_CONV_FLOW), video(10, 16, 20)
    # three clips in each of two sweeps, a second each
    assert sum(sr.ms for sr in super_resolve(net, lrs, 'cpu')) == pytest.approx(6000)
    # in segments of 4 frames, of which the two last go through the backward sweep twice
    segments = super_resolve(net, lrs, 'cpu', states='segments')
    assert sum(sr.ms for sr in segments) == pytest.approx(8000)


def test_training_works_after_evaluation(video, real_clip):
    """Evaluation in inference mode leaves nothing behind that autograd refuses."""
    net = build(FRVSR)
    list(super_resolve(net, video(2, 19, 21), 'cpu'))
    net.train()(real_clip(2, 19, 21)).mean().backward()
    assert all(p.grad is not None for p in net.parameters())


def test_diverged_network_gives_black_frames(video):
    net = build(RESIDUAL)
    net.head.weight.data.fill_(float('nan'))
    (output,) = super_resolve(net, video(1, 16, 20), 'cpu')
    assert not output.rgb.any()


@pytest.fixture
def bytes_alive():
    """A function that gives the bytes of all tensors made during the test."""
    gc.collect()
    gc.freeze()  # what is there already is many objects to look through

    def count():
        tensors = [x for x in gc.get_objects() if type(x) is torch.Tensor]
        return sum(
            {x.untyped_storage().data_ptr(): x.untyped_storage().nbytes() for x in tensors}.values()
        )

    yield count
    gc.unfreeze()


@pytest.mark.parametrize(
    'inner, states, growth',
    [
        (RESIDUAL, 'disk', 0),
        (dict(type='LookAheadNet'), 'disk', 0),
        (dict(type='StackedNet'), 'disk', 0),
        (BASICVSR_CONV_FLOW, 'disk', 0),
        # 12 features and states instead of 4; the LR frame in a state keeps its clip's 4 alive
        (BASICVSR_CONV_FLOW, 'segments', 8 + 8 * (1 + 4 * 3 / 8)),
        # beside features the LR frames, uint8
        (BASICVSR_CONV_FLOW, 'memory', 128 * (1 + 3 / 32)),
    ],
)
def test_memory(video, bytes_alive, inner, states, growth):
    """How much more 144 frames take than 16, in features (8 float32 channels)."""
    net, frame = build(inner), video(1, 16, 20)[0]
    most = {}
    for frames in (16, 144):
        used = []
        srs = super_resolve(
            net,
            (frame for _ in range(frames)),
            'cpu',
            states=states,
            on_hidden=lambda done, total, used=used: used.append(bytes_alive()),
        )
        used += [bytes_alive() for _ in srs]
        most[frames] = max(used)
    feature = 8 * 4 * 16 * 20
    assert (most[144] - most[16]) / feature == pytest.approx(growth, rel=0.05, abs=0.5)


@pytest.fixture
def temporary_files(tmp_path, monkeypatch):
    """A function that counts files in the temporary folder, also open ones without a name."""
    monkeypatch.setattr(tempfile, 'tempdir', str(tmp_path))

    def count():
        assert not list(tmp_path.iterdir())
        opened = [Path(f'/proc/self/fd/{fd}') for fd in os.listdir('/proc/self/fd')]
        return sum(str(tmp_path) in os.readlink(path) for path in opened if path.is_symlink())

    return count


@pytest.mark.parametrize('states, files', [('disk', 2), ('segments', 1), ('memory', 0)])
def test_temporary_files_vanish(video, temporary_files, states, files):
    """After the last frame, when the user has enough, and when a frame cannot be read."""
    net, lrs = build(BASICVSR_CONV_FLOW), video(6, 16, 20)
    srs = super_resolve(net, lrs, 'cpu', states=states)
    next(srs)
    assert temporary_files() == files
    list(srs)
    assert temporary_files() == 0

    srs = super_resolve(net, lrs, 'cpu', states=states)
    next(srs)
    assert temporary_files() == files
    srs.close()
    assert temporary_files() == 0

    def damaged():
        yield from lrs
        raise OSError('damaged')

    with pytest.raises(OSError, match='damaged'):
        next(super_resolve(net, damaged(), 'cpu', states=states))
    gc.collect()
    assert temporary_files() == 0
