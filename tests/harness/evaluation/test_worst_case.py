"""The search for videos on which a network collapses."""

import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from mmagic.registry import MODELS
from torch import nn

from dataset_tools.__main__ import main as dataset_tools
from dataset_tools.manifest import DatasetError, VideoSet
from harness.errors import UserError
from harness.evaluation import __main__ as command
from harness.evaluation.worst_case import perturbed, search, summary
from harness.networks.recurrent import RecurrentNet, States, Unrolled
from harness.networks.stateless import StatelessNet
from harness.networks.upsample import bicubic_bd

CPU = torch.device('cpu')


@MODELS.register_module()
class LeakyNet(RecurrentNet):
    """Bicubic interpolation plus a state, which grows by ``factor`` and takes in the frame."""

    def __init__(self, factor=1.2, learns=True):
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor)) if learns else factor

    def unroll(self, lrs, states=None, cond=None):
        state = states and states.forward
        leak = lrs[:, 0] * 0 if state is None else state['leak']
        frames = []
        for lr in lrs.unbind(1):
            leak = self.factor * leak + 0.001 * lr
            frames.append(bicubic_bd(lr) + leak.repeat_interleave(4, 2).repeat_interleave(4, 3))
        return Unrolled(torch.stack(frames, 1), States({'leak': leak}))


@MODELS.register_module()
class FrameByFrameNet(StatelessNet):
    def __init__(self):
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(1.0))


def curve(*gains):
    gain = np.concatenate([np.full(count, value) for count, value in gains])
    return pd.DataFrame(dict(psnr_y=20 + gain, bicubic=20.0))


@pytest.mark.parametrize(
    ('gains', 'expected'),
    [
        ([(20, 2.0), (30, -1.0)], (20, 2, -1, -1)),
        ([(30, 2.0)], (np.nan, 2, 2, 2)),
        ([(20, 2.0), (5, -3.0), (20, 1.5)], (np.nan, 2, 1.5, -0.75)),  # comes back
        ([(10, 2.0), (40, 0.9)], (10, 2, 0.9, 0.9)),  # 1 dB under its best
        ([(20, -1.0)], (0, -1, -1, -1)),
        ([(3, 1.0)], (np.nan, 1, 1, 1)),
    ],
)
def test_summary(gains, expected):
    found = summary(curve(*gains))
    assert tuple(found) == ('collapse', 'best', 'last', 'worst')
    assert list(found.values()) == pytest.approx(expected, nan_ok=True, abs=0.11)


def test_bidirectional_networks_collapse_from_either_end():
    falls, rises = [(20, 2.0), (30, -1.0)], [(25, -1.0), (15, 2.0)]
    assert summary(curve(*falls), bidirectional=True)['collapse'] == 20
    assert np.isnan(summary(curve(*rises))['collapse'])
    assert summary(curve(*rises), bidirectional=True)['collapse'] == 15


def test_the_growth_of_a_perturbation(video):
    """The state at frame 5 has 1.2 ** 5 of what frame 0 brought in; the frame itself has gone."""
    lr = video(1, 6, 8)[0].clip(10, 240)
    changed, growth = perturbed(LeakyNet(), lr, CPU, levels=2, frames=6)
    assert growth == pytest.approx(0.001 * 1.2**5, rel=1e-3)
    change = np.abs(changed.astype(int) - lr)
    assert changed.dtype == np.uint8 and change.max() == change.min() == 2


def test_a_network_without_a_gradient(video):
    class Blind(LeakyNet):
        @torch.no_grad()
        def unroll(self, *args):
            return super().unroll(*args)

    with pytest.raises(UserError, match='this network has no gradient'):
        perturbed(Blind(), video(1, 6, 8)[0], CPU, frames=3)


@pytest.mark.slow
def test_search(real_set):
    """All videos of each scene, the worst first, and the perturbation at the end."""
    names = []
    table, curves = search(
        LeakyNet(1.05).eval(), real_set, 'lr_bd', CPU, (20, 24), 40, names.append
    )
    # 32 - 24 LR pixels are left for slides
    kinds = ['still', 'slide 1', 'slide 2', 'slide 4', 'slide 8', 'gamma']
    assert names[: len(kinds)] == [f'coffee, {kind}' for kind in kinds]
    assert len(table) == len(names) == 3 * 6 + 1
    assert names[-1].partition(', ')[2].startswith('still, perturbed (x0.')
    found = table.collapse.dropna()
    assert (
        len(found)
        and found.is_monotonic_increasing
        and list(found.index) == list(range(len(found)))
    )
    one = curves[(curves.scene == 'coffee') & (curves.kind == 'still')]
    assert list(one.frame) == list(range(40)) and (one.bicubic.nunique() == 1)
    assert one.psnr_y.iloc[-1] < one.bicubic.iloc[-1]


def test_command(real_set, tmp_path, capsys):
    config, weights = tmp_path / 'net.py', tmp_path / 'net.pth'
    config.write_text("model = dict(type='RecurrentVSR', generator=dict(type='LeakyNet'))\n")
    torch.save({'state_dict': {'generator.factor': torch.tensor(1.1)}}, weights)
    argv = ['worst-case', config, weights, real_set.root, '--frames', 12, '--window', '8x8']
    output = tmp_path / 'worst.csv'
    assert command.main([*map(str, argv), '--output', str(output)]) == 0
    printed = capsys.readouterr().out
    assert f'{output}: the curves of 19 videos' in printed and 'slide 8' in printed
    assert len(pd.read_csv(output)) == 19 * 12
    with pytest.raises(SystemExit, match='is a folder'):
        command.main([*map(str, argv), '--output', str(tmp_path)])
    with pytest.raises(SystemExit, match=r'no\.pth: no such file'):
        command.main(['worst-case', str(config), 'no.pth', str(real_set.root)])
    generator = "generator=dict(type='FrameByFrameNet')"
    config.write_text(f"model = dict(type='RecurrentVSR', {generator})\n")
    with pytest.raises(SystemExit, match='so no state can collapse'):
        command.main(['worst-case', str(config), str(weights), str(real_set.root)])


def test_videos_of_one_frame(real_set):
    table, curves = search(LeakyNet().eval(), real_set, 'lr_bi', CPU, (8, 8), 1, lambda name: None)
    assert len(table) == len(curves) == 3 * 6 + 1
    assert np.isfinite(curves[['psnr_y', 'bicubic']]).all(axis=None)
    assert (table['best'] == table['worst']).all()


@pytest.mark.parametrize('value', [0, 255])
def test_a_frame_that_can_be_changed_one_way_only(value):
    lr = np.full((6, 8, 3), value, np.uint8)
    changed, growth = perturbed(LeakyNet(), lr, CPU, levels=2, frames=3)
    assert np.abs(changed.astype(int) - value).max() <= 2 and np.isfinite(growth)


def test_a_network_that_blows_up(video):
    """Its gradient is NaN, not the frame."""
    lr = video(1, 6, 8)[0]
    changed, growth = perturbed(LeakyNet(1e30), lr, CPU, levels=2, frames=4)
    assert np.abs(changed.astype(int) - lr).max() <= 2 and not np.isfinite(growth)


def test_what_cannot_be_searched(real_set, tmp_path):
    def run(test_set, kind):
        search(LeakyNet(), test_set, kind, CPU, (8, 8), 2, lambda name: None)

    with pytest.raises(UserError, match="lr_kind 'lr_mine': LR frames are made from .* as lr_bd, "):
        run(real_set, 'lr_mine')
    (tmp_path / 'lr' / 'clip').mkdir(parents=True)
    shutil.copy(real_set.frame_path('lr_bd', 'coffee', 0), tmp_path / 'lr' / 'clip')
    arguments = ['folder', str(tmp_path / 'lr'), '--output', str(tmp_path / 'set')]
    assert dataset_tools(['prepare', *arguments, '--as-lr', '--kind', 'bd']) == 0
    with pytest.raises(DatasetError, match='has no "gt" frames'):
        run(VideoSet.load(tmp_path / 'set'), 'lr_bd')
