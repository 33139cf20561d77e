"""RealViformer: Investigating Attention for Real-World Video Super-Resolution (Zhang and Yao, ECCV
2024).

Parameters have the names of the authors' public code, so that their weights load. Attention is
among channels (as in Restormer): C' x C' similarities of a head's C' channels over all pixels.
"""

import torch
import torch.nn.functional as F
from mmagic.models.utils import flow_warp
from mmagic.registry import MODELS
from torch import Tensor, nn

from harness.networks.flow import pretrained_spynet
from harness.networks.look_ahead import State
from harness.networks.recurrent import StateShapes
from harness.networks.unidirectional import UnidirectionalNet
from harness.networks.upsample import bilinear

SCALES = 4  # the coarsest features have 1/4 of the frame's size
HR_CHANNELS = 64


def _conv1(in_channels: int, out_channels: int) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, 1, bias=False)


def _conv3(in_channels: int, out_channels: int, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, 3, padding=1, groups=groups, bias=False)


def _depthwise(channels: int) -> nn.Conv2d:
    return _conv3(channels, channels, groups=channels)


class _ChannelNorm(nn.Module):
    """Divides each pixel's channels by their standard deviation; no mean is taken off."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.ParameterDict(dict(weight=torch.ones(channels)))

    def forward(self, x: Tensor) -> Tensor:
        variance = x.var(1, unbiased=False, keepdim=True)
        return x / torch.sqrt(variance + 1e-5) * self.body['weight'].view(-1, 1, 1)


class _ChannelAttention(nn.Module):
    """What self-attention and fusion share: heads of similar channels.

    Args:
        channels: of queries, keys and values.
        heads: number of groups of channels.
    """

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))
        self.project_out = _conv1(channels, channels)

    def split(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, heads, C / heads, H * W)."""
        return x.unflatten(1, (self.heads, -1)).flatten(3)

    def similarities(self, queries: Tensor, keys: Tensor) -> Tensor:
        """Scaled cosines (B, heads, C', C') of what :meth:`split` gives."""
        cosines = F.normalize(queries, dim=-1) @ F.normalize(keys, dim=-1).transpose(-2, -1)
        return cosines * self.temperature

    def merge(self, x: Tensor, like: Tensor) -> Tensor:
        """The inverse of :meth:`split`, to the shape of ``like``, and the last convolution."""
        return self.project_out(x.reshape(like.shape))


class _SelfAttention(_ChannelAttention):
    """The improved channel attention: channels are also weighted by how similar others are.

    Args:
        channels, heads: see :class:`_ChannelAttention`.
        rescales: whether they are weighted.
    """

    def __init__(self, channels: int, heads: int, rescales: bool) -> None:
        super().__init__(channels, heads)
        self.qkv = _conv1(channels, 3 * channels)
        self.qkv_dwconv = _depthwise(3 * channels)
        self.rescales = rescales
        if rescales:
            self.linear1 = nn.Linear(2, 1, bias=False)
            self.linear2 = nn.Linear(channels // heads, channels // heads, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        queries, keys, values = map(self.split, self.qkv_dwconv(self.qkv(x)).chunk(3, 1))
        similarities = self.similarities(queries, keys)
        out = similarities.softmax(-1) @ values
        if self.rescales:
            out = out * self._weights(similarities)
        return self.merge(out, x)

    def _weights(self, similarities: Tensor) -> Tensor:
        """Of each channel (B, heads, C', 1), 0 to 1, by its largest and mean similarity."""
        described = torch.stack([similarities.amax(-1), similarities.mean(-1)], -1)
        weights = F.gelu(self.linear1(described)).squeeze(-1)
        return self.linear2(weights).unsqueeze(-1).sigmoid()


class _CrossAttention(_ChannelAttention):
    """Queries of the frame, keys and values of the propagated features."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__(channels, heads)
        self.kv = _conv1(channels, 2 * channels)
        self.kv_dwconv = _depthwise(2 * channels)
        self.q = _conv3(channels, channels)

    def forward(self, x: Tensor, propagated: Tensor) -> Tensor:
        keys, values = map(self.split, self.kv_dwconv(self.kv(propagated)).chunk(2, 1))
        similarities = self.similarities(self.split(self.q(x)), keys)
        return self.merge(similarities.softmax(-1) @ values, x)


class _Fusion(nn.Module):
    """Channel attention fusion of a frame's features (x) and the propagated ones."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.norm_q = _ChannelNorm(channels)
        self.norm_kv = _ChannelNorm(channels)
        self.attn = _CrossAttention(channels, heads)
        self.norm_out = _ChannelNorm(channels)
        self.ffn = nn.Sequential(
            _conv1(2 * channels, channels),
            _depthwise(channels),
            nn.GELU(),
            _conv1(channels, channels),
        )

    def forward(self, x: Tensor, propagated: Tensor) -> Tensor:
        x = self.norm_q(x)
        found = self.attn(x, self.norm_kv(propagated))
        return self.ffn(torch.cat([x, self.norm_out(found)], 1))


class _FeedForward(nn.Module):
    """Restormer's gated feed-forward network."""

    def __init__(self, channels: int, expansion: float) -> None:
        super().__init__()
        hidden = int(channels * expansion)
        self.project_in = _conv1(channels, 2 * hidden)
        self.dwconv = _depthwise(2 * hidden)
        self.project_out = _conv1(hidden, channels)

    def forward(self, x: Tensor) -> Tensor:
        gate, x = self.dwconv(self.project_in(x)).chunk(2, 1)
        return self.project_out(F.gelu(gate) * x)


class _Block(nn.Module):
    """A transformer block; ``squeeze`` is by how much fewer channels its attention has."""

    def __init__(self, channels: int, heads: int, expansion: float, squeeze: int = 1) -> None:
        super().__init__()
        inner = channels // squeeze
        self.norm1 = _ChannelNorm(inner)
        self.attn = _SelfAttention(inner, heads, rescales=squeeze > 1)
        self.norm2 = _ChannelNorm(channels)
        self.ffn = _FeedForward(channels, expansion)
        self.compress = _conv3(channels, inner) if squeeze > 1 else nn.Identity()
        self.expand = _conv3(inner, channels) if squeeze > 1 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.expand(self.attn(self.norm1(self.compress(x))))
        return x + self.ffn(self.norm2(x))


class _Resample(nn.Module):
    """A convolution and a change of resolution by 2."""

    def __init__(self, in_channels: int, out_channels: int, shuffle: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(_conv3(in_channels, out_channels), shuffle)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)


@MODELS.register_module()
class RealViformerNet(UnidirectionalNet):
    """RealViformer: 5,817,593 parameters, 1,440,300 of them SPyNet's.

    Each frame's features are fused with the propagated ones, warped by SPyNet's flow, and go
    through a U-Net of transformer blocks at the frame's size, a half and a quarter of it.

    The forward state is ``feat``, the propagated feature (mid_channels, H', W'), and the previous
    LR frame ``lr``. H' and W' are H and W rounded up to multiples of 4, to which frames are padded
    by reflection at the top and on the left, as the authors' test code does; where there is too
    little to reflect, the border is repeated.

    Of frames at most 32 pixels wide the authors' SPyNet begins one scale finer, with the weights of
    the coarsest; MMagic's, which is used here, does not.

    Args:
        mid_channels: width at the frame's size.
        num_blocks: blocks at the frame's size (in the encoder and in the decoder), at a half,
            at a quarter, and of the refinement.
        heads: of the attention at the frame's size, a half and a quarter.
        merge_heads: of the fusion.
        expansion: of the feed-forward networks.
        squeeze: by how much the attention's channels are fewer.
        spynet_pretrained, flow_net: as in :class:`StatefulBasicVSRNet`.
        cond_channels: constant planes that are concatenated to the LR frame where it enters the
            recurrence (see :class:`FrameConditioned`).

    Raises:
        UserError: ``spynet_pretrained`` cannot be loaded.
    """

    def __init__(
        self,
        mid_channels: int = 48,
        num_blocks: tuple[int, int, int, int] = (2, 3, 4, 1),
        heads: tuple[int, int, int] = (1, 2, 4),
        merge_heads: int = 2,
        expansion: float = 2.66,
        squeeze: int = 4,
        spynet_pretrained: str | None = None,
        flow_net: dict | None = None,
        cond_channels: int = 0,
    ) -> None:
        super().__init__()
        self.mid_channels = mid_channels
        self.shallow_extraction = nn.Sequential(
            nn.Conv2d(3 + cond_channels, mid_channels, 3, padding=1),
            _Block(mid_channels, heads[0], expansion),
        )
        self.spynet = MODELS.build(flow_net) if flow_net else pretrained_spynet(spynet_pretrained)
        self.attn_merge = _Fusion(mid_channels, merge_heads)

        def blocks(channels: int, level: int, count: int) -> nn.Sequential:
            return nn.Sequential(
                *(_Block(channels, heads[level], expansion, squeeze) for _ in range(count))
            )

        fine, half, quarter = mid_channels, 2 * mid_channels, 4 * mid_channels
        self.encoder_level1 = blocks(fine, 0, num_blocks[0])
        self.down1_2 = _Resample(fine, fine // 2, nn.PixelUnshuffle(2))
        self.encoder_level2 = blocks(half, 1, num_blocks[1])
        self.down2_3 = _Resample(half, half // 2, nn.PixelUnshuffle(2))
        self.latent = blocks(quarter, 2, num_blocks[2])
        self.up3_2 = _Resample(quarter, 2 * quarter, nn.PixelShuffle(2))
        self.reduce_chan_level2 = _conv1(quarter, half)
        self.decoder_level2 = blocks(half, 1, num_blocks[1])
        self.up2_1 = _Resample(half, 2 * half, nn.PixelShuffle(2))
        self.decoder_level1 = blocks(half, 0, num_blocks[0])
        self.refinement = blocks(half, 0, num_blocks[3])
        self.compress = nn.Conv2d(half, fine, 1)
        self.upconv1 = nn.Conv2d(half, 4 * fine, 3, padding=1)
        self.upconv2 = nn.Conv2d(fine, 4 * HR_CHANNELS, 3, padding=1)
        self.conv_hr = nn.Conv2d(HR_CHANNELS, HR_CHANNELS, 3, padding=1)
        self.conv_last = nn.Conv2d(HR_CHANNELS, 3, 3, padding=1)

    def state_shapes(self, height: int, width: int) -> tuple[StateShapes, StateShapes]:
        padded = (height + -height % SCALES, width + -width % SCALES)
        return {'feat': (self.mid_channels, *padded), 'lr': (3, height, width)}, {}

    def prepare(
        self, lrs: Tensor, state: State | None, following: Tensor | None
    ) -> tuple[Tensor, ...]:
        """Padded frames (B, T, 3, H', W') and the flow (B, T, 2, H', W') to the one before each."""
        frames = _padded(lrs)
        before = frames[:, :1] if state is None else _padded(state['lr'][:, None])
        before = torch.cat([before, frames[:, :-1]], 1)
        flows = self.spynet(frames.flatten(0, 1), before.flatten(0, 1))
        return frames, flows.unflatten(0, lrs.shape[:2])

    def step(
        self, lr: Tensor, prepared: tuple[Tensor, ...], state: State, cond: Tensor | None
    ) -> tuple[Tensor, State]:
        frame, flow = prepared
        inputs = frame
        if cond is not None:
            inputs = torch.cat([frame, cond.expand(-1, -1, *frame.shape[-2:])], 1)
        # positions are rounded to the feature's precision, autocast may have halved it
        warped = flow_warp(state['feat'].to(frame.dtype), flow.permute(0, 2, 3, 1))
        out = self._unet(self.attn_merge(self.shallow_extraction(inputs), warped))
        sr = self._reconstruct(out) + bilinear(frame)
        height, width = lr.shape[-2:]
        sr = sr[..., sr.size(-2) - 4 * height :, sr.size(-1) - 4 * width :]
        return sr, {'feat': self.compress(out), 'lr': lr}

    def _unet(self, feat: Tensor) -> Tensor:
        fine = self.encoder_level1(feat)
        half = self.encoder_level2(self.down1_2(fine))
        quarter = self.latent(self.down2_3(half))
        half = self.reduce_chan_level2(torch.cat([self.up3_2(quarter), half], 1))
        half = self.decoder_level2(half)
        return self.refinement(self.decoder_level1(torch.cat([self.up2_1(half), fine], 1)))

    def _reconstruct(self, feat: Tensor) -> Tensor:
        for conv in (self.upconv1, self.upconv2):
            feat = F.leaky_relu(F.pixel_shuffle(conv(feat), 2), 0.1)
        return self.conv_last(F.leaky_relu(self.conv_hr(feat), 0.1))


def _padded(frames: Tensor) -> Tensor:
    """Frames (B, T, 3, H, W) with more rows at the top and columns on the left."""
    height, width = frames.shape[-2:]
    top, left = -height % SCALES, -width % SCALES
    mode = 'reflect' if top < height and left < width else 'replicate'
    padded = F.pad(frames.flatten(0, 1), (left, 0, top, 0), mode)
    return padded.unflatten(0, frames.shape[:2])
