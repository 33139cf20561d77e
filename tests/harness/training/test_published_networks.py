"""Networks of published methods go through every way of training, with their further losses."""

import pytest
import torch

from harness.training.run import train
from tests.harness.training.trainings import PI, RI, TBPTT, Seen, weights_of

L1 = dict(type='L1Loss', loss_weight=1.0, reduction='mean')
#: generator and names of further outputs; a crop of 14 pixels is padded by AnimeSR
NETWORKS = {
    'animesr': (dict(type='AnimeSRNet', mid_channels=8, num_blocks=(2, 1, 1)), ()),
    'real_viformer': (
        dict(
            type='RealViformerNet',
            mid_channels=8,
            num_blocks=(1, 1, 1, 1),
            heads=(1, 2, 2),
            squeeze=2,
            flow_net=dict(type='ConvFlowNet', channels=8),
        ),
        (),
    ),
    'rrn': (dict(type='RRNNet', mid_channels=8, num_blocks=1), ()),
    'rsdn': (dict(type='RSDNNet', mid_channels=8, num_blocks=1), ('detail', 'structure')),
    'real_basicvsr': (
        dict(
            type='StatefulRealBasicVSRNet',
            mid_channels=8,
            num_propagation_blocks=1,
            num_cleaning_blocks=1,
            hr_channels=8,
        ),
        ('cleaned',),
    ),
}
CASES = [(name, loop) for name in NETWORKS for loop in (RI, PI, TBPTT)]
CASES = [case for case in CASES if case != ('real_basicvsr', TBPTT)]  # needs the past alone


@pytest.mark.slow
@pytest.mark.parametrize('name, loop', CASES, ids=lambda x: x if isinstance(x, str) else x['type'])
def test_trains(make_cfg, name, loop):
    generator, outputs = NETWORKS[name]
    cfg = make_cfg(loop, 2, generator=dict(generator, _delete_=True))
    cfg.train_cfg.crop_size = 14
    cfg.model.flow_loss_weight = 0
    cfg.model.output_losses = dict.fromkeys(outputs, L1)
    seen = Seen()
    weights = weights_of(train(cfg, [seen]))
    assert {'loss_pixel', *(f'loss_{output}' for output in outputs)} <= set(seen.losses)
    fixed = [key for key, x in seen.before.items() if torch.equal(weights[f'generator.{key}'], x)]
    assert all('spynet' in key for key in fixed)
