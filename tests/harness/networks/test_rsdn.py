"""RSDN: size, names, frames computed by hand, and what its further outputs should be."""

import torch
import torch.nn.functional as F

from harness.networks.model import RecurrentVSR
from harness.networks.rsdn import structure_of
from harness.networks.zoo import RSDNNet


def test_names_and_shapes_are_those_of_published_weights():
    """9 blocks of 128 channels: the paper's RSDN 9-128."""
    convs = {'conv': (48, 96, 3, 3), 'neuro.forget': (9, 3, 3, 3)}
    for branch in 'ds':
        convs[f'neuro.conv_{branch}'] = (128, 182, 3, 3)
        convs[f'neuro.conv_h{branch}'] = (128, 128, 3, 3)
        convs[f'neuro.conv_o{branch}'] = (48, 128, 3, 3)
        for block in range(1, 10):
            for i in (1, 2):
                convs[f'neuro.SD{block}.conv_{branch}{i}'] = (128, 128, 3, 3)
    expected = {f'{name}.weight': shape for name, shape in convs.items()}
    expected |= {f'{name}.bias': shape[:1] for name, shape in convs.items()}
    weights = RSDNNet().state_dict()
    assert {name: tuple(x.shape) for name, x in weights.items()} == expected
    assert sum(x.numel() for x in weights.values()) == 6_180_236


def by_blocks(image):
    """Structure by the mean of 2x2 pixels and the four weights of bilinear interpolation."""
    blocks = image.unflatten(2, (-1, 2)).unflatten(4, (-1, 2)).mean((3, 5))
    x = torch.cat([blocks[:, :, :1], blocks, blocks[:, :, -1:]], 2)
    x = torch.cat([x[..., :1], x, x[..., -1:]], 3)
    out = torch.zeros_like(image)
    height, width = blocks.shape[-2:]
    for i in range(2):
        for j in range(2):
            for di, wi in ((0, 0.75), (2 * i - 1, 0.25)):
                for dj, wj in ((0, 0.75), (2 * j - 1, 0.25)):
                    part = x[:, :, 1 + di : 1 + di + height, 1 + dj : 1 + dj + width]
                    out[:, :, i::2, j::2] += wi * wj * part
    return out


def test_structure(real_clip):
    image = real_clip(1, 10, 14)[:, 0]
    assert torch.allclose(structure_of(image), by_blocks(image), atol=1e-6)
    odd = structure_of(image[..., :9, :13])
    assert odd.shape == (2, 3, 9, 13)
    assert torch.allclose(odd[..., :7, :11], structure_of(image)[..., :7, :11], atol=1e-6)


def adapted(hidden, kernels):
    """Every value weighted by the sigmoid of what its pixel's kernel makes of its surroundings."""
    height, width = hidden.shape[-2:]
    out = torch.zeros_like(hidden)
    for y in range(height):
        for x in range(width):
            total = 0
            for k in range(9):
                row, column = y + k // 3 - 1, x + k % 3 - 1
                if 0 <= row < height and 0 <= column < width:
                    total = total + hidden[:, :, row, column] * kernels[:, k, y, x]
            out[:, :, y, x] = hidden[:, :, y, x] / (1 + torch.exp(-torch.as_tensor(total)))
    return out


@torch.no_grad()
def test_by_hand(real_clip):
    net = RSDNNet(8, num_blocks=2).eval()
    for parameter in net.parameters():
        parameter.copy_(0.1 * torch.randn_like(parameter))
    weights = net.state_dict()

    def conv(name, x):
        return F.conv2d(x, weights[f'{name}.weight'], weights[f'{name}.bias'], padding=1)

    def lrelu(x):
        return torch.maximum(x, 0.1 * x)

    video = real_clip(3, 10, 14, batch=1)
    frames, states = net(video, return_states=True)
    hidden = torch.zeros(1, 8, 10, 14)
    outputs = {branch: torch.zeros(1, 48, 10, 14) for branch in 'ds'}
    for t, before in enumerate((1, 0, 1)):
        pair = [video[:, before], video[:, t]]
        inputs = {'s': [by_blocks(x) for x in pair]}
        inputs['d'] = [x - s for x, s in zip(pair, inputs['s'], strict=True)]
        kept = adapted(hidden, lrelu(conv('neuro.forget', video[:, t])))
        x = {}
        for branch in 'ds':
            joined = torch.cat([*inputs[branch], kept, outputs[branch]], 1)
            x[branch] = lrelu(conv(f'neuro.conv_{branch}', joined))
        for block in ('neuro.SD1', 'neuro.SD2'):
            change = 0
            for branch in 'ds':
                inner = conv(f'{block}.conv_{branch}1', x[branch]).relu()
                change = change + conv(f'{block}.conv_{branch}2', inner)
            x = {branch: x[branch] + change for branch in 'ds'}
        hidden = sum(lrelu(conv(f'neuro.conv_h{branch}', x[branch])) for branch in 'ds')
        outputs = {branch: conv(f'neuro.conv_o{branch}', x[branch]) for branch in 'ds'}
        out = conv('conv', torch.cat([outputs['d'], outputs['s']], 1))
        sr = torch.zeros(1, 3, 40, 56)
        for channel in range(48):
            c, i, j = channel // 16, channel // 4 % 4, channel % 4
            sr[:, c, i::4, j::4] = out[:, channel]
        assert (frames[:, t] - sr).abs().max() <= 1e-5
    for key, value in zip(
        ('hidden', 'detail', 'structure'), (hidden, outputs['d'], outputs['s']), strict=True
    ):
        assert torch.allclose(states.forward[key], value, atol=1e-5)


def test_losses_of_both_outputs(real_clip):
    """Each of every frame, beside the ground truth's detail and structure; none in evaluation."""
    video, gts = real_clip(3, 10, 14), torch.rand(2, 3, 3, 40, 56)
    mean = dict(type='L1Loss', loss_weight=1.0, reduction='mean')
    model = RecurrentVSR(
        dict(
            type='FrameConditioned',
            last_frame=5,
            net=dict(type='RSDNNet', mid_channels=8, num_blocks=1),
        ),
        mean,
        output_losses=dict(detail=mean, structure=mean),
    )
    losses = model(video, gts, mode='loss')
    net, states, expected = model.generator, None, {'detail': 0, 'structure': 0}
    for t in range(3):
        following = net.following(video[:, t + 1 : t + 2])
        _, states = net(video[:, t : t + 1], (states and states.forward, following), t, True)
        structure = by_blocks(gts[:, t])
        for key, target in (('detail', gts[:, t] - structure), ('structure', structure)):
            output = F.pixel_shuffle(states.forward[key], 4)
            expected[key] = expected[key] + (output - target).abs().mean() / 3
    for key, value in expected.items():
        assert torch.allclose(losses[f'loss_{key}'], value, atol=1e-6)
    sum(losses.values()).backward()
    assert all(p.grad is not None for p in model.parameters())
    assert model.eval().generator.unroll(video, None, net.condition(video, 0)).outputs is None
