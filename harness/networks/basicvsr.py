"""BasicVSR (Chan et al., CVPR 2021) on MMagic's network, with its memory made explicit."""

from typing import Optional

import torch
from mmagic.models.archs import PixelShufflePack
from mmagic.models.editors.basicvsr.basicvsr_net import BasicVSRNet, ResidualBlocksWithInputConv
from mmagic.models.utils import flow_warp
from mmagic.registry import MODELS
from torch import Tensor, nn

from .recurrent import RecurrentNet, States, Sweep, Unrolled


@MODELS.register_module()
class StatefulBasicVSRNet(RecurrentNet, BasicVSRNet):
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

    bidirectional = True

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
                # MMagic rounds positions to the feature's precision, autocast may have halved it
                feat = flow_warp(feat.to(lrs.dtype), flows[i].permute(0, 2, 3, 1))
            inputs = [lrs[:, i], feat]
            if cond is not None:
                inputs.append(cond[:, i].expand(-1, -1, *lrs.shape[-2:]))
            feat = resblocks(torch.cat(inputs, 1))
            yield i, feat

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
        backward_feats, before = self._branch(lrs, backward, cond, backward=True)
        forward_feats, after = self._branch(lrs, forward, cond)
        frames = self._reconstruct_all(lrs, backward_feats, forward_feats)
        return Unrolled(frames, States(after, before))

    def sweeps(self):
        return [Sweep(True, self._backward_sweep), Sweep(False, self._forward_sweep)]

    def _backward_sweep(self, lrs, stored, state, cond):
        return self._branch(lrs, state, cond, backward=True)

    def _forward_sweep(self, lrs, stored, state, cond):
        feats, after = self._branch(lrs, state, cond)
        return self._reconstruct_all(lrs, stored[0], feats).unbind(1), after

    def _branch(self, lrs, state, cond, backward=False):
        """Features of all frames, in the video's order, and the state after the clip."""
        feats = dict(self.propagate(lrs, state, cond, backward))
        last = 0 if backward else lrs.size(1) - 1
        after = {'feat': feats[last], 'lr': lrs[:, last]}
        return [feats[i] for i in range(lrs.size(1))], after

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

    @torch.no_grad()
    def states_at(self, lrs, starts, ends, cond=None, lengths=None, initial=None):
        forward, backward = initial or States()
        kept = self._branch_states(lrs, starts, cond, forward, backward=False)
        if lengths is not None:
            lrs, cond = (
                align_ends(lrs, lengths),
                None if cond is None else align_ends(cond, lengths),
            )
            ends = ends + (lrs.size(1) - lengths)[:, None]
        return States(kept, self._branch_states(lrs, ends, cond, backward, backward=True))

    def _branch_states(self, lrs, boundaries, cond, state, backward):
        """States (B, R, ...) of one branch; it stops at the last boundary that is wanted."""
        frames = lrs.size(1)
        low, high = (int(boundaries.min()), frames) if backward else (0, int(boundaries.max()))
        outer = state if state is not None else self.initial_states(lrs).forward
        outermost = boundaries == (frames if backward else 0)
        kept = {
            key: x[:, None] * outermost.view(*outermost.shape, *[1] * (x.ndim - 1))
            for key, x in outer.items()
        }
        if low == high:
            return kept
        clip_cond = None if cond is None else cond[:, low:high]
        for i, feat in self.propagate(lrs[:, low:high], state, clip_cond, backward):
            frame = low + i
            videos, repeats = torch.nonzero(
                boundaries == (frame if backward else frame + 1), as_tuple=True
            )
            kept['feat'][videos, repeats] = feat[videos]
            kept['lr'][videos, repeats] = lrs[videos, frame]
        return kept


def align_ends(videos: Tensor, lengths: Tensor) -> Tensor:
    """Moves the padding of (B, T, ...) videos from their ends to their beginnings."""
    shift = videos.size(1) - lengths[:, None]
    frames = (torch.arange(videos.size(1), device=videos.device) - shift).clamp(min=0)
    return videos[torch.arange(len(videos), device=videos.device)[:, None], frames]
