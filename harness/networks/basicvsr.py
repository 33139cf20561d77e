"""BasicVSR (Chan et al., CVPR 2021) on MMagic's network, with its memory made explicit."""

from typing import Optional

import torch
from mmagic.models.archs import PixelShufflePack
from mmagic.models.editors.basicvsr.basicvsr_net import BasicVSRNet, ResidualBlocksWithInputConv
from mmagic.models.utils import flow_warp
from mmagic.registry import MODELS
from torch import nn

from .recurrent import States, Unrolled
from .two_branches import TwoBranchNet


@MODELS.register_module()
class StatefulBasicVSRNet(TwoBranchNet, BasicVSRNet):
    """MMagic's ``BasicVSRNet``, same parameter names, whose states go in and out.

    The forward state is ``feat``, the propagated feature (mid_channels, H, W), and ``lr``, the LR
    frame before the clip; the backward state likewise with the LR frame after the clip. Without
    states and options its output is MMagic's, bit for bit.

    Args:
        mid_channels: channels of the propagated features.
        num_blocks: residual blocks of each branch.
        spynet_pretrained: path of SPyNet weights.
        hr_channels: channels of the reconstruction at HR size; MMagic fixes 64.
        flow_net: config of a flow module that takes SPyNet's place (for instance ``DISFlow``,
            which has no weights to train).
        cond_channels: constant planes concatenated to the LR frame where it enters the two
            recurrences (see :class:`FrameConditioned`).
    """

    def __init__(
        self,
        mid_channels: int = 64,
        num_blocks: int = 30,
        spynet_pretrained: Optional[str] = None,
        hr_channels: int = 64,
        flow_net: Optional[dict] = None,
        cond_channels: int = 0,
    ):
        BasicVSRNet.__init__(self, mid_channels, num_blocks, spynet_pretrained)
        if flow_net is not None:
            self.spynet = MODELS.build(flow_net)
        if hr_channels != 64:
            self.upsample2 = PixelShufflePack(mid_channels, hr_channels, 2, upsample_kernel=3)
            self.conv_hr = nn.Conv2d(hr_channels, hr_channels, 3, 1, 1)
            self.conv_last = nn.Conv2d(hr_channels, 3, 3, 1, 1)
        if cond_channels:
            in_channels = mid_channels + 3 + cond_channels
            self.backward_resblocks = ResidualBlocksWithInputConv(
                in_channels, mid_channels, num_blocks
            )
            self.forward_resblocks = ResidualBlocksWithInputConv(
                in_channels, mid_channels, num_blocks
            )

    def state_shapes(self, height, width):
        shapes = {'feat': (self.mid_channels, height, width), 'lr': (3, height, width)}
        return shapes, dict(shapes)

    def flow_between(self, references, supportings):
        """Flow (B, T, 2, H, W) of (B, T, 3, H, W) pairs."""
        batch, frames, _, height, width = references.shape
        if frames == 0:
            return references.new_zeros(batch, 0, 2, height, width)
        flows = self.spynet(references.flatten(0, 1), supportings.flatten(0, 1))
        return flows.view(batch, frames, 2, height, width)

    def propagate(self, lrs, state, cond, backward=False):
        """Yields frame number and feature (B, mid_channels, H, W), in the branch's own order."""
        frames = range(lrs.size(1))[::-1] if backward else range(lrs.size(1))
        resblocks = self.backward_resblocks if backward else self.forward_resblocks
        flows = self._flows_to_previous(lrs, state, backward)
        feat = lrs.new_zeros(lrs.size(0), self.mid_channels, *lrs.shape[-2:])
        if state is not None:
            feat = state['feat']
        for i in frames:
            if flows[i] is not None:
                feat = flow_warp(feat, flows[i].permute(0, 2, 3, 1))
            inputs = [lrs[:, i], feat]
            if cond is not None:
                inputs.append(cond[:, i].expand(-1, -1, *lrs.shape[-2:]))
            feat = resblocks(torch.cat(inputs, 1))
            yield i, feat

    def walk(self, lrs, state, cond, backward):
        for i, feat in self.propagate(lrs, state, cond, backward):
            yield i, {'feat': feat, 'lr': lrs[:, i]}

    def _flows_to_previous(self, lrs, state, backward):
        """For each frame the flow to the one that its branch visits before it, or None."""
        if backward:
            flows = self.flow_between(lrs[:, :-1], lrs[:, 1:])
            ends = (lrs[:, -1:], None if state is None else state['lr'])
        else:
            flows = self.flow_between(lrs[:, 1:], lrs[:, :-1])
            ends = (lrs[:, :1], None if state is None else state['lr'])
        frame, neighbour = ends
        outer = None if neighbour is None else self.flow_between(frame, neighbour[:, None])[:, 0]
        inner = list(flows.unbind(1))
        return [*inner, outer] if backward else [outer, *inner]

    def unroll(self, lrs, states=None, cond=None):
        forward, backward = states or States()
        backward_feats = dict(self.propagate(lrs, backward, cond, backward=True))
        forward_feats = dict(self.propagate(lrs, forward, cond))
        frames = self._reconstruct_all(lrs, backward_feats, forward_feats)
        last = lrs.size(1) - 1
        after = States(
            {'feat': forward_feats[last], 'lr': lrs[:, last]},
            {'feat': backward_feats[0], 'lr': lrs[:, 0]},
        )
        return Unrolled(frames, after)

    def _reconstruct_all(self, lrs, backward_feats, forward_feats):
        """SR frames (B, T, 3, 4H, 4W).

        One batch of all frames is faster in training; frame by frame, as MMagic does it, needs less
        memory and gives the same bits as MMagic.
        """
        numbers = range(lrs.size(1))
        if not self.training:
            parts = [
                self.reconstruct(lrs[:, i], backward_feats[i], forward_feats[i]) for i in numbers
            ]
            return torch.stack(parts, 1)
        feats = [torch.cat([f[i] for i in numbers]) for f in (backward_feats, forward_feats)]
        frames = self.reconstruct(lrs.transpose(0, 1).flatten(0, 1), *feats)
        return frames.unflatten(0, (lrs.size(1), lrs.size(0))).transpose(0, 1)

    def reconstruct(self, lr, backward_feat, forward_feat):
        """One SR frame from the features of both branches."""
        out = self.lrelu(self.fusion(torch.cat([backward_feat, forward_feat], 1)))
        out = self.lrelu(self.upsample1(out))
        out = self.lrelu(self.upsample2(out))
        out = self.lrelu(self.conv_hr(out))
        return self.conv_last(out) + self.img_upsample(lr)
