"""RealViformer: Investigating Attention for Real-World Video Super-Resolution (Zhang and Yao, ECCV
2024).

Parameters are named as in the authors' public code, so that their weights load.
"""

import torch
import torch.nn.functional as F
from mmagic.models.utils import flow_warp
from mmagic.registry import MODELS
from torch import Tensor, nn

from harness.networks.channel_attention import ChannelBlock, ChannelFusion, Resample, conv1
from harness.networks.flow import pretrained_spynet
from harness.networks.look_ahead import State
from harness.networks.recurrent import StateShapes
from harness.networks.unidirectional import UnidirectionalNet
from harness.networks.upsample import bilinear

SCALES = 4  # the coarsest features have 1/4 of the frame's size
HR_CHANNELS = 64


@MODELS.register_module()
class RealViformerNet(UnidirectionalNet):
    """RealViformer: 5,817,593 parameters, 1,440,300 of them SPyNet's.

    Each frame's features are fused with the propagated features, warped by SPyNet's flow, and pass
    through a U-Net of transformer blocks at the frame's size, at half and at a quarter of it.

    The forward state is ``feat``, the propagated feature (mid_channels, H', W'), and the previous
    LR frame ``lr``. H' and W' are H and W rounded up to multiples of 4; frames are padded to that
    size by reflection at the top and on the left, as in the authors' test code. Frames too small
    for reflection are padded by replicating their border.

    For frames at most 32 pixels wide the authors' SPyNet starts one scale finer, with the weights
    of the coarsest scale; MMagic's SPyNet, which is used here, does not.

    Args:
        mid_channels: Width at the frame's size.
        num_blocks: Number of blocks at the frame's size (in the encoder and in the decoder), at
            half, at a quarter, and in the refinement.
        heads: Attention heads at the frame's size, at half and at a quarter of it.
        merge_heads: Attention heads of the fusion.
        expansion: Expansion factor of the feed-forward networks.
        squeeze: Factor by which attention reduces the channels.
        spynet_pretrained, flow_net: As in :class:`StatefulBasicVSRNet`.
        cond_channels: Constant planes concatenated to the LR frame where it enters the recurrence
            (see :class:`FrameConditioned`).

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
            ChannelBlock(mid_channels, heads[0], expansion),
        )
        self.spynet = MODELS.build(flow_net) if flow_net else pretrained_spynet(spynet_pretrained)
        self.attn_merge = ChannelFusion(mid_channels, merge_heads)

        def blocks(channels: int, level: int, count: int) -> nn.Sequential:
            return nn.Sequential(
                *(ChannelBlock(channels, heads[level], expansion, squeeze) for _ in range(count))
            )

        fine, half, quarter = mid_channels, 2 * mid_channels, 4 * mid_channels
        self.encoder_level1 = blocks(fine, 0, num_blocks[0])
        self.down1_2 = Resample(fine, fine // 2, nn.PixelUnshuffle(2))
        self.encoder_level2 = blocks(half, 1, num_blocks[1])
        self.down2_3 = Resample(half, half // 2, nn.PixelUnshuffle(2))
        self.latent = blocks(quarter, 2, num_blocks[2])
        self.up3_2 = Resample(quarter, 2 * quarter, nn.PixelShuffle(2))
        self.reduce_chan_level2 = conv1(quarter, half)
        self.decoder_level2 = blocks(half, 1, num_blocks[1])
        self.up2_1 = Resample(half, 2 * half, nn.PixelShuffle(2))
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
        """Padded frames (B, T, 3, H', W') and flows (B, T, 2, H', W') to the previous frames."""
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
        # positions are rounded to the feature's precision, which autocast may have halved
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
    """Pads frames (B, T, 3, H, W) at the top and on the left."""
    height, width = frames.shape[-2:]
    top, left = -height % SCALES, -width % SCALES
    mode = 'reflect' if top < height and left < width else 'replicate'
    padded = F.pad(frames.flatten(0, 1), (left, 0, top, 0), mode)
    return padded.unflatten(0, frames.shape[:2])
