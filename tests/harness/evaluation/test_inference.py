"""Frame by frame, in bounded memory, comes what the network gives for the whole video at once."""

import numpy as np
import pytest
import torch
from mmagic.registry import MODELS

from harness.errors import UserError
from harness.evaluation import network_run
from harness.evaluation.inference import STATES, super_resolve
from harness.runs.resets import Reset
from tests.harness.evaluation.inference_nets import (
    BASICVSR,
    BASICVSR_CONV_FLOW,
    FRVSR,
    RESIDUAL,
    build,
)
from tests.harness.networks import light_nets  # noqa: F401  (registers)

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
CASES = [
    pytest.param(case, marks=pytest.mark.slow if case[0] in ('basicvsr_pp', 'iconvsr') else ())
    for case in CASES
    if case not in UNCONDITIONED
]


@pytest.mark.slow
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
@pytest.mark.parametrize(
    'inner',
    [
        pytest.param(FRVSR, id='frvsr'),
        # CPUs are slow in SPyNet's wide convolutions
        pytest.param(BASICVSR, id='basicvsr', marks=pytest.mark.slow),
    ],
)
def test_half_precision(video, exact, inner, dtype):
    """Differs, and by little. SPyNet takes frames of 32x32 without enlarging them."""
    net, lrs = build(inner), video(2, 32, 32)
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
