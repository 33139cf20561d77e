"""IconVSR (Chan et al., CVPR 2021) on MMagic's network, with its memory made explicit."""

from collections.abc import Sequence

import torch
from mmagic.models.editors.basicvsr.basicvsr_net import ResidualBlocksWithInputConv
from mmagic.models.editors.iconvsr import IconVSRNet
from mmagic.models.editors.iconvsr.iconvsr_net import EDVRFeatureExtractor
from mmagic.models.utils import flow_warp
from mmagic.registry import MODELS
from torch import Tensor

from harness.checkpoints import loading
from harness.networks.boundaries import on_cpu, sent
from harness.networks.flow import pretrained_spynet
from harness.networks.keyframes import Refill, keyframes, pack, unpack, windows
from harness.networks.recurrent import (
    RecurrentNet,
    State,
    States,
    StateShapes,
    Sweep,
    Unrolled,
    branch_cond,
)
from harness.networks.surrounded import (
    Surrounded,
    differing,
    flows_back,
    in_order,
    list_in_order,
    surround,
    windows_after,
)


@MODELS.register_module()
class StatefulIconVSRNet(RecurrentNet, IconVSRNet):
    """MMagic's ``IconVSRNet`` with explicit states and the same parameter names.

    IconVSR is BasicVSR with coupled branches (the forward branch reads the features of the backward
    branch) and with features of every ``keyframe_stride``-th frame from EDVR's extractor, which is
    part of the network: 8,694,991 parameters (8,711,375 with ``padding=3``). Features have 64
    channels, like the extractor's. Keyframes are counted from the start of the video; its last
    frame is a keyframe too. The extractor reads ``padding`` frames on each side of a keyframe; at
    the ends of a video MMagic takes frames from the other side of the keyframe instead.

    The states of both directions therefore hold ``feat``, the propagated feature (64, H, W),
    ``lrs``, the 2 * padding LR frames next to the boundary in temporal order, and ``known``
    (2 * padding,), which is 1, or 0 beyond the ends of a video. The forward state also has
    ``phase`` (1,), the number of the next frame modulo ``keyframe_stride``.

    Without states the output is bit-identical to MMagic's. In videos shorter than EDVR's window,
    which MMagic refuses, the last (first) frame replaces missing frames. A clip without backward
    state is taken as the end of the video, whose last frame is a keyframe.

    Args:
        num_blocks, keyframe_stride, padding, spynet_pretrained, edvr_pretrained: As in
            ``IconVSRNet``; the last two are paths of weights.
        cond_channels: Constant planes concatenated to the LR frame where it enters the two
            recurrences (see :class:`FrameConditioned`).

    Raises:
        UserError: ``spynet_pretrained`` or ``edvr_pretrained`` cannot be loaded.
    """

    bidirectional = True
    #: flows per batch in a state pass
    chunk = 16

    def __init__(
        self,
        num_blocks: int = 30,
        keyframe_stride: int = 5,
        padding: int = 2,
        spynet_pretrained: str | None = None,
        edvr_pretrained: str | None = None,
        cond_channels: int = 0,
    ) -> None:
        IconVSRNet.__init__(
            self,
            num_blocks=num_blocks,
            keyframe_stride=keyframe_stride,
            padding=padding,
        )
        if spynet_pretrained:
            self.spynet = pretrained_spynet(spynet_pretrained)
        if edvr_pretrained:
            with loading(edvr_pretrained, 'edvr_pretrained'):
                self.edvr = EDVRFeatureExtractor(
                    num_frames=2 * padding + 1,
                    center_frame_idx=padding,
                    pretrained=edvr_pretrained,
                )
        self.cond_channels = cond_channels
        if cond_channels:
            channels = self.mid_channels + 3 + cond_channels
            self.backward_resblocks = ResidualBlocksWithInputConv(
                channels, self.mid_channels, num_blocks
            )
            self.forward_resblocks = ResidualBlocksWithInputConv(
                channels + self.mid_channels, self.mid_channels, num_blocks
            )

    @property
    def beside(self) -> int:
        """Number of LR frames on each side of a boundary that EDVR's windows may reach."""
        return 2 * self.padding

    def state_shapes(self, height: int, width: int) -> tuple[StateShapes, StateShapes]:
        shapes = {
            'feat': (self.mid_channels, height + -height % 4, width + -width % 4),
            'lrs': (self.beside, 3, height, width),
            'known': (self.beside,),
        }
        return shapes | {'phase': (1,)}, shapes

    def unroll(
        self, lrs: Tensor, states: States | None = None, cond: Tensor | None = None
    ) -> Unrolled:
        states, frames = states or States(), lrs.size(1)
        around = surround(lrs, states, self.beside)
        start = torch.zeros(len(lrs), 1, dtype=torch.long, device=lrs.device)
        after = [
            {key: x[:, 0] for key, x in state.items()}
            for state in self._observed(around, states.forward, start + frames, start)
        ]
        around = self._padded(around)
        refill = self._refill(around, states.forward)
        feats: list[Tensor] = []
        for backward in (True, False):
            visited = self._run(backward, around, feats, refill, states[backward], cond)
            after[backward]['feat'] = visited[-1]
            feats = list_in_order(visited[1:], backward)
        return Unrolled(torch.stack(self._upsample_all(lrs, feats), 1), States(*after))

    @torch.no_grad()
    def states_at(
        self,
        lrs: Tensor,
        starts: Tensor,
        ends: Tensor,
        cond: Tensor | None = None,
        lengths: Tensor | None = None,
        initial: States | None = None,
    ) -> States:
        initial, frames = initial or States(), lrs.size(1)
        starts, ends, lengths = on_cpu(starts, ends, lengths)
        steps = starts, (frames if lengths is None else lengths[:, None]) - ends
        around = surround(lrs, initial, self.beside, differing(lengths, frames))
        wanted = sent(starts, lrs.device), sent(ends, lrs.device)
        kept = self._observed(around, initial.forward, *wanted)
        around = self._padded(around)
        refill = self._refill(around, initial.forward)
        feats: list[Tensor] = []
        for backward in (True, False):
            visited = self._run(
                backward, around, feats, refill, initial[backward], cond, self.chunk
            )
            kept[backward]['feat'] = windows_after(visited, steps[backward], 1)[:, :, 0]
            feats = list_in_order(visited[1:], backward, around.lengths)
        return States(*kept)

    def sweeps(self) -> list[Sweep]:
        """Three sweeps: frames before each frame; backward branch and keyframes; forward branch."""
        return [
            Sweep(False, self._context_sweep),
            Sweep(True, self._backward_sweep),
            Sweep(False, self._forward_sweep),
        ]

    def _context_sweep(
        self,
        lrs: Tensor,
        stored: Sequence[Sequence[Tensor]],
        state: State | None,
        cond: Tensor | None,
    ) -> tuple[Sequence[Tensor], State]:
        around = surround(lrs, States(state), self.beside)
        boundaries = torch.arange(lrs.size(1) + 1, device=lrs.device).expand(len(lrs), -1)
        before = self._observed(around, state, boundaries, boundaries)[0]
        packed = torch.cat([x.flatten(2) for x in before.values()], 2).unbind(1)
        return packed[:-1], {key: x[:, -1] for key, x in before.items()}

    def _backward_sweep(
        self,
        lrs: Tensor,
        stored: Sequence[Sequence[Tensor]],
        state: State | None,
        cond: Tensor | None,
    ) -> tuple[Sequence[Tensor], State]:
        shapes = self.state_shapes(*lrs.shape[-2:])[0]
        del shapes['feat']
        sizes = [torch.Size(shape).numel() for shape in shapes.values()]
        parts = zip(shapes.items(), stored[0][0].split(sizes, 1), strict=True)
        before = {key: x.unflatten(1, shape) for (key, shape), x in parts}
        around = surround(lrs, States(before, state), self.beside)
        start = torch.zeros(len(lrs), 1, dtype=torch.long, device=lrs.device)
        after = {key: x[:, 0] for key, x in around.after(start).items()}
        around = self._padded(around)
        refill = self._refill(around, before)
        visited = self._run(True, around, [], refill, state, cond)
        after['feat'] = visited[-1]
        return pack(list_in_order(visited[1:], True), refill), after

    def _forward_sweep(
        self,
        lrs: Tensor,
        stored: Sequence[Sequence[Tensor]],
        state: State | None,
        cond: Tensor | None,
    ) -> tuple[Sequence[Tensor], State]:
        around = surround(lrs, States(state), self.beside)
        end = torch.full((len(lrs), 1), lrs.size(1), device=lrs.device)
        after = {key: x[:, 0] for key, x in around.before(end).items()}
        backward_feats, refill = unpack(stored[1])
        visited = self._run(False, self._padded(around), backward_feats, refill, state, cond)
        after['feat'] = visited[-1]
        return self._upsample_all(lrs, visited[1:]), after

    def _observed(
        self, around: Surrounded, forward: State | None, starts: Tensor, ends: Tensor
    ) -> tuple[State, State]:
        """The entries of the states (B, R, ...) other than the features."""
        before, after = around.before(starts), around.after(ends)
        before['phase'] = (self._phase(around, forward) + starts) % self.keyframe_stride
        before['phase'] = before['phase'].to(around.frames)[..., None]
        return before, after

    def _phase(self, around: Surrounded, forward: State | None) -> Tensor:
        """Phases (B, 1) of the first frames, as integers."""
        if forward is None:
            return torch.zeros(len(around.frames), 1, dtype=torch.long, device=around.frames.device)
        return forward['phase'].round().long()

    def _padded(self, around: Surrounded) -> Surrounded:
        """Pads the frames to a height and width divisible by 4, for EDVR."""
        return around._replace(frames=self.spatial_padding(around.frames.contiguous()))

    def _refill(self, around: Surrounded, forward: State | None) -> Refill:
        """EDVR's features of the clips' keyframes."""
        phase = self._phase(around, forward)
        keys = keyframes(around, phase, self.keyframe_stride).cpu()
        return Refill.of(keys, self.edvr, around.frames, windows(around, self.padding))

    def _run(
        self,
        backward: bool,
        around: Surrounded,
        backward_feats: list[Tensor],
        refill: Refill,
        state: State | None,
        cond: Tensor | None,
        size: int | None = None,
    ) -> list[Tensor]:
        """Features of the frame before the branch's first frame, and of all frames it visits.

        Args:
            backward: Which branch to run.
            around: Clips whose height and width are divisible by 4.
            backward_feats: The backward branch's features in the video's order, which the forward
                branch reads.
            refill: EDVR's features of the clips' keyframes.
            state: The state from which the branch starts; None is the initial state.
            cond: As in the interface.
            size: Number of frames whose flows form one batch; None: all.
        """
        lengths = around.lengths
        frames = around.visited(backward)[0][:, around.count - 1 :]
        known_flows = flows_back(self.spynet, frames if state else frames[:, 1:], size)
        flows = known_flows if state else [None, *known_flows]
        refill = refill.visited(backward, lengths)
        inputs = [frames[:, 1:].unbind(1), *([] if backward else [backward_feats])]
        planes = branch_cond(cond, self.cond_channels, backward)
        if planes is not None:
            planes = in_order(planes, backward, lengths).expand(-1, -1, -1, *frames.shape[-2:])
        fusion = self.backward_fusion if backward else self.forward_fusion
        resblocks = self.backward_resblocks if backward else self.forward_resblocks
        zeros = frames.new_zeros(len(frames), self.mid_channels, *frames.shape[-2:])
        feats = [state['feat'] if state else zeros]
        for k, current in enumerate(zip(*inputs, strict=True)):
            feat, flow = feats[-1], flows[k]
            if flow is not None:
                # MMagic rounds positions to the feature's precision, which autocast may have halved
                feat = flow_warp(feat.to(flow.dtype), flow.permute(0, 2, 3, 1))
            feat = refill.fuse(fusion, feat, k)
            extra = [] if planes is None else [planes[:, k]]
            feats.append(resblocks(torch.cat([*current, feat, *extra], 1)))
        return feats

    def _upsample_all(self, lrs: Tensor, feats: list[Tensor]) -> list[Tensor]:
        """SR frames (B, 3, 4H, 4W), one by one as in MMagic."""
        height, width = lrs.shape[-2:]
        padded = self.spatial_padding(lrs.contiguous()).unbind(1)
        return [
            self._upsampled(*x)[..., : 4 * height, : 4 * width]
            for x in zip(padded, feats, strict=True)
        ]

    def _upsampled(self, lr: Tensor, feat: Tensor) -> Tensor:
        out = self.lrelu(self.upsample1(feat))
        out = self.lrelu(self.upsample2(out))
        out = self.lrelu(self.conv_hr(out))
        return self.conv_last(out) + self.img_upsample(lr)
