"""Transformer blocks whose attention is among channels, as in Restormer (Zamir et al., CVPR 2022)
and RealViformer: C' x C' similarities of a head's C' channels over all pixels.

Parameters are named as in RealViformer's public code.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def conv1(in_channels: int, out_channels: int) -> nn.Conv2d:
    """A 1x1 convolution without bias."""
    return nn.Conv2d(in_channels, out_channels, 1, bias=False)


def _conv3(in_channels: int, out_channels: int, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, 3, padding=1, groups=groups, bias=False)


def _depthwise(channels: int) -> nn.Conv2d:
    return _conv3(channels, channels, groups=channels)


class _ChannelNorm(nn.Module):
    """Divides each pixel's channels by their standard deviation, without subtracting the mean."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.ParameterDict(dict(weight=torch.ones(channels)))

    def forward(self, x: Tensor) -> Tensor:
        variance = x.var(1, unbiased=False, keepdim=True)
        return x / torch.sqrt(variance + 1e-5) * self.body['weight'].view(-1, 1, 1)


class _ChannelAttention(nn.Module):
    """Common base of self-attention and fusion: attention among the channels of each head.

    Args:
        channels: Channels of queries, keys and values.
        heads: Number of groups of channels.
    """

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))
        self.project_out = conv1(channels, channels)

    def split(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, heads, C / heads, H * W)."""
        return x.unflatten(1, (self.heads, -1)).flatten(3)

    def similarities(self, queries: Tensor, keys: Tensor) -> Tensor:
        """Scaled cosines (B, heads, C', C') between results of :meth:`split`."""
        cosines = F.normalize(queries, dim=-1) @ F.normalize(keys, dim=-1).transpose(-2, -1)
        return cosines * self.temperature

    def merge(self, x: Tensor, like: Tensor) -> Tensor:
        """Inverts :meth:`split`, to the shape of ``like``, and applies the last convolution."""
        return self.project_out(x.reshape(like.shape))


class _SelfAttention(_ChannelAttention):
    """The improved channel attention: channels are also weighted by their similarity to others.

    Args:
        channels, heads: See :class:`_ChannelAttention`.
        rescales: Whether channels are weighted.
    """

    def __init__(self, channels: int, heads: int, rescales: bool) -> None:
        super().__init__(channels, heads)
        self.qkv = conv1(channels, 3 * channels)
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
        """Weights (B, heads, C', 1) in [0, 1], from each channel's largest and mean similarity."""
        described = torch.stack([similarities.amax(-1), similarities.mean(-1)], -1)
        weights = F.gelu(self.linear1(described)).squeeze(-1)
        return self.linear2(weights).unsqueeze(-1).sigmoid()


class _CrossAttention(_ChannelAttention):
    """Queries from the frame, keys and values from the propagated features."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__(channels, heads)
        self.kv = conv1(channels, 2 * channels)
        self.kv_dwconv = _depthwise(2 * channels)
        self.q = _conv3(channels, channels)

    def forward(self, x: Tensor, propagated: Tensor) -> Tensor:
        keys, values = map(self.split, self.kv_dwconv(self.kv(propagated)).chunk(2, 1))
        similarities = self.similarities(self.split(self.q(x)), keys)
        return self.merge(similarities.softmax(-1) @ values, x)


class ChannelFusion(nn.Module):
    """Channel attention fusion of a frame's features (x) and the propagated features."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.norm_q = _ChannelNorm(channels)
        self.norm_kv = _ChannelNorm(channels)
        self.attn = _CrossAttention(channels, heads)
        self.norm_out = _ChannelNorm(channels)
        self.ffn = nn.Sequential(
            conv1(2 * channels, channels),
            _depthwise(channels),
            nn.GELU(),
            conv1(channels, channels),
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
        self.project_in = conv1(channels, 2 * hidden)
        self.dwconv = _depthwise(2 * hidden)
        self.project_out = conv1(hidden, channels)

    def forward(self, x: Tensor) -> Tensor:
        gate, x = self.dwconv(self.project_in(x)).chunk(2, 1)
        return self.project_out(F.gelu(gate) * x)


class ChannelBlock(nn.Module):
    """A transformer block; its attention has ``squeeze`` times fewer channels."""

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


class Resample(nn.Module):
    """A convolution and a change of resolution by 2."""

    def __init__(self, in_channels: int, out_channels: int, shuffle: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(_conv3(in_channels, out_channels), shuffle)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)
