"""RSDN: Video Super-Resolution with Recurrent Structure-Detail Network (Isobe et al., ECCV 2020).

Parameters are named as in the authors' public code, so that their weights load.
"""

import torch
import torch.nn.functional as F
from mmagic.registry import MODELS
from torch import Tensor, nn

from harness.networks.flow import pad_to_multiple
from harness.networks.look_ahead import State, beside
from harness.networks.recurrent import StateShapes
from harness.networks.two_frames import TwoFrameNet, small_conv

SR = 3 * 16  # channels of an SR frame at LR size


def structure_of(images: Tensor) -> Tensor:
    """Structure (B, C, H, W) of images: halved and doubled bilinearly; the rest is the detail.

    This follows the authors' code; the paper says bicubically. Odd sizes, which that code does not
    accept, are padded.
    """
    height, width = images.shape[-2:]
    padded = pad_to_multiple(images, 2)
    half = F.interpolate(padded, scale_factor=0.5, mode='bilinear', align_corners=False)
    double = F.interpolate(half, scale_factor=2, mode='bilinear', align_corners=False)
    return double[..., :height, :width]


def _filter(x: Tensor, kernels: Tensor) -> Tensor:
    """Filters all channels of (B, C, H, W) by each pixel's own 3x3 kernel (B, 9, H, W)."""
    height, width = x.shape[-2:]
    padded = F.pad(x, (1, 1, 1, 1))
    shifts = [(row, column) for row in range(3) for column in range(3)]
    total = torch.zeros_like(x)
    for k, (row, column) in enumerate(shifts):
        total = (
            total + padded[..., row : row + height, column : column + width] * kernels[:, k, None]
        )
    return total


class _StructureDetailBlock(nn.Module):
    """Two residual branches; the sum of their residuals is added to each."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv_d1 = small_conv(channels, channels)
        self.conv_d2 = small_conv(channels, channels)
        self.conv_s1 = small_conv(channels, channels)
        self.conv_s2 = small_conv(channels, channels)

    def forward(self, detail: Tensor, structure: Tensor) -> tuple[Tensor, Tensor]:
        change = self.conv_d2(F.relu(self.conv_d1(detail)))
        change = change + self.conv_s2(F.relu(self.conv_s1(structure)))
        return change + detail, change + structure


def _lrelu(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.1)


class _Cell(nn.Module):
    """All layers from the input at LR size to the next hidden state and outputs."""

    def __init__(self, channels: int, num_blocks: int, cond_channels: int) -> None:
        super().__init__()
        in_channels = 2 * 3 + channels + SR + cond_channels
        self.num_blocks = num_blocks
        self.forget = nn.Conv2d(3, 9, 3, padding=1)
        self.conv_d = small_conv(in_channels, channels)
        self.conv_s = small_conv(in_channels, channels)
        for number in range(1, num_blocks + 1):
            self.add_module(f'SD{number}', _StructureDetailBlock(channels))
        self.conv_hd = small_conv(channels, channels)
        self.conv_od = small_conv(channels, SR)
        self.conv_hs = small_conv(channels, channels)
        self.conv_os = small_conv(channels, SR)

    def forward(self, lr: Tensor, previous: Tensor, state: State, planes: list[Tensor]) -> State:
        """Hidden state, detail and structure after a frame."""
        similarity = torch.sigmoid(_filter(state['hidden'], _lrelu(self.forget(lr))))
        hidden = similarity * state['hidden']
        structures = [structure_of(previous), structure_of(lr)]
        details = [previous - structures[0], lr - structures[1]]
        detail = torch.cat([*details, hidden, state['detail'], *planes], 1)
        structure = torch.cat([*structures, hidden, state['structure'], *planes], 1)
        detail, structure = _lrelu(self.conv_d(detail)), _lrelu(self.conv_s(structure))
        for number in range(1, self.num_blocks + 1):
            detail, structure = self.get_submodule(f'SD{number}')(detail, structure)
        hidden = _lrelu(self.conv_hd(detail)) + _lrelu(self.conv_hs(structure))
        return {
            'hidden': hidden,
            'detail': self.conv_od(detail),
            'structure': self.conv_os(structure),
        }


@MODELS.register_module()
class RSDNNet(TwoFrameNet):
    """RSDN 9-128: 6,180,236 parameters.

    The LR frames t-1 and t are split into structure and detail (see :func:`structure_of`). Each
    passes through its own branch together with that branch's previous output; the branches exchange
    their residuals in every block. The hidden features of the previous frame are weighted, pixel by
    pixel and channel by channel, by their similarity to the current frame. A last convolution
    computes the SR frame from both outputs, without a skip connection.

    The forward state is ``hidden`` (mid_channels, H, W), the sum of both branches' features,
    ``detail`` and ``structure`` (48, H, W), the two outputs before the pixel shuffle, and the
    previous LR frame. Only with ``mirror_start`` is there a backward state, the next LR frame
    (``look_ahead.py``), which only the first frame of a video needs.

    Its further outputs (see :class:`Unrolled`) are ``detail`` and ``structure`` of the SR frames.

    Args:
        mid_channels: Width of the convolutions and of the hidden state.
        num_blocks: Structure-detail blocks.
        mirror_start: As in :class:`TwoFrameNet`.
        cond_channels: Constant planes of the current frame concatenated to the input of both
            branches (see :class:`FrameConditioned`).
    """

    def __init__(
        self,
        mid_channels: int = 128,
        num_blocks: int = 9,
        mirror_start: bool = True,
        cond_channels: int = 0,
    ) -> None:
        super().__init__(mirror_start)
        self.mid_channels = mid_channels
        self.neuro = _Cell(mid_channels, num_blocks, cond_channels)
        self.conv = small_conv(2 * SR, SR)

    def state_shapes(self, height: int, width: int) -> tuple[StateShapes, StateShapes]:
        outputs = {'detail': (SR, height, width), 'structure': (SR, height, width)}
        memory = {'hidden': (self.mid_channels, height, width), **outputs}
        return self.with_neighbours(memory, height, width)

    def prepare(
        self, lrs: Tensor, state: State | None, following: Tensor | None
    ) -> tuple[Tensor, ...]:
        return (self.previous_frames(lrs, state, following),)

    def advance(
        self, lr: Tensor, prepared: tuple[Tensor, ...], state: State, cond: Tensor | None
    ) -> State:
        planes = [] if cond is None else [cond.expand(-1, -1, *lr.shape[-2:])]
        return {**self.neuro(lr, *prepared, state, planes), **beside(lr)}

    def step(
        self, lr: Tensor, prepared: tuple[Tensor, ...], state: State, cond: Tensor | None
    ) -> tuple[Tensor, State]:
        after = self.advance(lr, prepared, state, cond)
        sr = self.conv(torch.cat([after['detail'], after['structure']], 1))
        return F.pixel_shuffle(sr, 4), after

    def further_outputs(self, state: State) -> dict[str, Tensor]:
        return {key: F.pixel_shuffle(state[key], 4) for key in ('detail', 'structure')}

    def further_targets(self, gts: Tensor) -> dict[str, Tensor]:
        structure = structure_of(gts.flatten(0, 1)).unflatten(0, gts.shape[:2])
        return {'detail': gts - structure, 'structure': structure}
