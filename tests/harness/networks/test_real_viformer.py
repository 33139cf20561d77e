"""RealViformer: size, names, and frames computed by hand."""

import pytest
import torch
import torch.nn.functional as F

from harness.networks.zoo import RealViformerNet


def small_net():
    """Of which no part is without effect."""
    net = RealViformerNet(8, (1, 2, 1, 1), (1, 2, 2), squeeze=2).eval()
    for name, parameter in net.named_parameters():
        if 'norm' in name or 'temperature' in name:
            parameter.data.copy_(0.5 + torch.rand_like(parameter))
        else:
            parameter.data.mul_(2)
    return net


def test_size():
    net = RealViformerNet()
    assert sum(p.numel() for p in net.spynet.parameters()) == 1_440_300
    assert sum(p.numel() for p in net.parameters()) == 5_817_593


def test_names_and_shapes_are_those_of_published_code():
    """Of one block of each kind, as the authors' class has them."""
    shapes = {name: tuple(x.shape) for name, x in RealViformerNet().state_dict().items()}
    assert shapes['shallow_extraction.1.attn.qkv.weight'] == (144, 48, 1, 1)
    assert 'shallow_extraction.1.attn.linear1.weight' not in shapes
    block = {
        'norm1.body.weight': (12,),
        'attn.temperature': (1, 1, 1),
        'attn.qkv.weight': (36, 12, 1, 1),
        'attn.qkv_dwconv.weight': (36, 1, 3, 3),
        'attn.project_out.weight': (12, 12, 1, 1),
        'attn.linear1.weight': (1, 2),
        'attn.linear2.weight': (12, 12),
        'norm2.body.weight': (48,),
        'ffn.project_in.weight': (254, 48, 1, 1),
        'ffn.dwconv.weight': (254, 1, 3, 3),
        'ffn.project_out.weight': (48, 127, 1, 1),
        'compress.weight': (12, 48, 3, 3),
        'expand.weight': (48, 12, 3, 3),
    }
    merge = {
        'norm_q.body.weight': (48,),
        'norm_kv.body.weight': (48,),
        'attn.temperature': (2, 1, 1),
        'attn.kv.weight': (96, 48, 1, 1),
        'attn.kv_dwconv.weight': (96, 1, 3, 3),
        'attn.q.weight': (48, 48, 3, 3),
        'attn.project_out.weight': (48, 48, 1, 1),
        'norm_out.body.weight': (48,),
        'ffn.0.weight': (48, 96, 1, 1),
        'ffn.1.weight': (48, 1, 3, 3),
        'ffn.3.weight': (48, 48, 1, 1),
    }
    for prefix, expected in (('encoder_level1.1.', block), ('attn_merge.', merge)):
        found = {k[len(prefix) :]: x for k, x in shapes.items() if k.startswith(prefix)}
        assert found == expected
    assert shapes['latent.3.attn.temperature'] == (4, 1, 1)
    assert shapes['latent.3.attn.linear2.weight'] == (12, 12)
    assert shapes['down2_3.body.0.weight'] == (48, 96, 3, 3)
    assert shapes['up3_2.body.0.weight'] == (384, 192, 3, 3)
    assert shapes['reduce_chan_level2.weight'] == (96, 192, 1, 1)
    assert shapes['upconv1.weight'] == (192, 96, 3, 3) and shapes['upconv1.bias'] == (192,)


class ByHand:
    """The network written out, an attention head after the other."""

    def __init__(self, net):
        self.weights = net.state_dict()

    def conv(self, name, x):
        weight, bias = self.weights[f'{name}.weight'], self.weights.get(f'{name}.bias')
        return F.conv2d(
            x, weight, bias, padding=weight.shape[-1] // 2, groups=x.shape[1] // weight.shape[1]
        )

    def norm(self, name, x):
        mean = x.mean(1, keepdim=True)
        deviation = ((x - mean).square().mean(1, keepdim=True) + 1e-5).sqrt()
        return torch.einsum('bchw,c->bchw', x / deviation, self.weights[f'{name}.body.weight'])

    def attend(self, name, q, k, v, heads):
        """Channel by channel: cosines over all pixels."""
        count, out = q.shape[1] // heads, torch.zeros_like(q)
        for head in range(heads):
            part = slice(head * count, (head + 1) * count)
            qs, ks, vs = (x[0, part].flatten(1) for x in (q, k, v))
            cosines = (qs @ ks.T) / (qs.norm(dim=1)[:, None] * ks.norm(dim=1) + 1e-20)
            cosines = cosines * self.weights[f'{name}.temperature'][head, 0, 0]
            mixed = torch.softmax(cosines, 1) @ vs
            if f'{name}.linear1.weight' in self.weights:
                most, mean = self.weights[f'{name}.linear1.weight'][0]
                told = F.gelu(most * cosines.max(1).values + mean * cosines.mean(1))
                mixed = mixed * (self.weights[f'{name}.linear2.weight'] @ told).sigmoid()[:, None]
            out[0, part] = mixed.view(count, *q.shape[-2:])
        return self.conv(f'{name}.project_out', out)

    def block(self, name, x, heads):
        inner = x
        if squeezed := f'{name}.compress.weight' in self.weights:
            inner = self.conv(f'{name}.compress', x)
        inner = self.conv(f'{name}.attn.qkv', self.norm(f'{name}.norm1', inner))
        qkv = self.conv(f'{name}.attn.qkv_dwconv', inner).chunk(3, 1)
        inner = self.attend(f'{name}.attn', *qkv, heads)
        x = x + (self.conv(f'{name}.expand', inner) if squeezed else inner)
        wide = self.conv(f'{name}.ffn.project_in', self.norm(f'{name}.norm2', x))
        gate, value = self.conv(f'{name}.ffn.dwconv', wide).chunk(2, 1)
        return x + self.conv(f'{name}.ffn.project_out', F.gelu(gate) * value)

    def blocks(self, name, x, heads, count=1):
        for number in range(count):
            x = self.block(f'{name}.{number}', x, heads)
        return x

    def merge(self, x, propagated):
        x, name = self.norm('attn_merge.norm_q', x), 'attn_merge.attn'
        kv = self.conv(f'{name}.kv', self.norm('attn_merge.norm_kv', propagated))
        k, v = self.conv(f'{name}.kv_dwconv', kv).chunk(2, 1)
        found = self.attend(name, self.conv(f'{name}.q', x), k, v, 2)
        both = torch.cat([x, self.norm('attn_merge.norm_out', found)], 1)
        inner = self.conv('attn_merge.ffn.1', self.conv('attn_merge.ffn.0', both))
        return self.conv('attn_merge.ffn.3', F.gelu(inner))

    def frame(self, lr, propagated):
        """SR frame and propagated feature."""
        shallow = self.block('shallow_extraction.1', self.conv('shallow_extraction.0', lr), 1)
        one = self.blocks('encoder_level1', self.merge(shallow, propagated), 1)
        two = F.pixel_unshuffle(self.conv('down1_2.body.0', one), 2)
        two = self.blocks('encoder_level2', two, 2, 2)
        four = F.pixel_unshuffle(self.conv('down2_3.body.0', two), 2)
        four = self.blocks('latent', four, 2)
        two = torch.cat([F.pixel_shuffle(self.conv('up3_2.body.0', four), 2), two], 1)
        two = self.blocks('decoder_level2', self.conv('reduce_chan_level2', two), 2, 2)
        one = torch.cat([F.pixel_shuffle(self.conv('up2_1.body.0', two), 2), one], 1)
        out = self.blocks('refinement', self.blocks('decoder_level1', one, 1), 1)
        feat = self.conv('compress', out)
        for name in ('upconv1', 'upconv2'):
            out = F.leaky_relu(F.pixel_shuffle(self.conv(name, out), 2), 0.1)
        detail = self.conv('conv_last', F.leaky_relu(self.conv('conv_hr', out), 0.1))
        up = F.interpolate(lr, scale_factor=4, mode='bilinear', align_corners=False)
        return detail + up, feat


@pytest.mark.slow
@torch.no_grad()
@pytest.mark.parametrize('size', [(16, 20), (15, 18)], ids=str)
def test_by_hand(real_clip, size):
    """Every pixel lies one to the right and two below in the frame before, or outside."""
    net = small_net().double()
    net.spynet.forward = lambda now, before: (
        now.new_tensor([1.0, 2.0]).view(1, 2, 1, 1) + (0 * now[:, :2])
    )
    video = real_clip(3, *size, batch=1).double()
    frames, states = net(video, return_states=True)
    top, left = (-n % 4 for n in size)
    hand, feat = ByHand(net), torch.zeros(1, 8, size[0] + top, size[1] + left).double()
    for t in range(3):
        lr = video[:, t]
        if top or left:  # reflected rows and columns, the edge not repeated
            lr = torch.cat([lr[..., 1 : 1 + top, :].flip(-2), lr], -2)
            lr = torch.cat([lr[..., 1 : 1 + left].flip(-1), lr], -1)
        shifted = torch.zeros_like(feat)
        shifted[..., :-2, :-1] = feat[..., 2:, 1:]
        sr, feat = hand.frame(lr, shifted)
        assert (frames[:, t] - sr[..., 4 * top :, 4 * left :]).abs().max() <= 1e-9
    assert torch.allclose(states.forward['feat'], feat, atol=1e-9)
    assert (frames[:, 1:] - net(video[:, 1:])).abs().max() > 1e-2
