"""BasicVSR++ (Chan et al., CVPR 2022) on MMagic's network, with its memory made explicit."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from mmagic.models.editors.basicvsr.basicvsr_net import ResidualBlocksWithInputConv
from mmagic.models.editors.basicvsr_plusplus_net import BasicVSRPlusPlusNet
from mmagic.models.utils import flow_warp
from mmagic.registry import MODELS
from torch import Tensor

from harness.networks.boundaries import on_cpu, sent
from harness.networks.flow import pretrained_spynet
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


class _Branch(NamedTuple):
    """One of the four branches: MMagic's name, and its entry in the states of its direction."""

    name: str
    key: str
    backward: bool


_BRANCHES = tuple(
    _Branch(f'{direction}_{number}', f'feat_{number}', direction == 'backward')
    for number in (1, 2)
    for direction in ('backward', 'forward')
)


class _Trail(NamedTuple):
    """The flows along which a branch aligns; entry k + 1 leads from step k to the step before it.

    ``flows`` (B, 2, H, W) are None where the branch starts from the initial state. ``known``
    (B, 1, 1, 1) says for each sample whether the previous frame exists; None: it does for all.
    """

    flows: Sequence[Tensor | None]
    known: Sequence[Tensor | None]


@MODELS.register_module()
class StatefulBasicVSRPlusPlusNet(RecurrentNet, BasicVSRPlusPlusNet):
    """MMagic's ``BasicVSRPlusPlusNet`` with explicit states and the same parameter names.

    Four branches, alternately backward and forward, read the features of all branches before them,
    and each aligns its own features of the last two frames; a state at any boundary thus depends
    on the whole video. A state holds ``feat_1`` and ``feat_2`` (2, mid_channels, H, W), the
    features of two frames in the first and the second branch of its direction, ``lrs``, their LR
    frames (2, 3, H, W), all in temporal order, and ``known`` (2,), which is 1, or 0 beyond the ends
    of a video, where nothing is aligned. LR frames below 64 pixels, which MMagic refuses, are
    padded by replicating their border, and the output is cropped; features have the padded size.

    Without states the output is bit-identical to MMagic's. 7,322,927 parameters. A state pass keeps
    the features of all frames: 20 * mid_channels bytes per LR pixel.

    Args:
        mid_channels: Channels of the propagated features.
        num_blocks: Residual blocks of each branch.
        max_residue_magnitude: Largest offset from the flow, in pixels.
        spynet_pretrained: Path or URL of SPyNet weights in MMagic's format; None keeps the random
            initialisation.
        cond_channels: Constant planes concatenated to the input of each branch's residual blocks
            (see :class:`FrameConditioned`), but not to the input of the LR feature extraction,
            which has no memory, or of the alignment.

    Raises:
        UserError: ``spynet_pretrained`` cannot be loaded.
    """

    bidirectional = True
    smallest = 64
    #: frames per batch in the parts of a state pass in which frames are independent
    chunk = 16

    def __init__(
        self,
        mid_channels: int = 64,
        num_blocks: int = 7,
        max_residue_magnitude: int = 10,
        spynet_pretrained: str | None = None,
        cond_channels: int = 0,
    ) -> None:
        BasicVSRPlusPlusNet.__init__(self, mid_channels, num_blocks, max_residue_magnitude)
        if spynet_pretrained:
            self.spynet = pretrained_spynet(spynet_pretrained)
        self.cond_channels = cond_channels
        for i, branch in enumerate(_BRANCHES if cond_channels else ()):
            self.backbone[branch.name] = ResidualBlocksWithInputConv(
                (2 + i) * mid_channels + cond_channels, mid_channels, num_blocks
            )

    def state_shapes(self, height: int, width: int) -> tuple[StateShapes, StateShapes]:
        size = max(height, self.smallest), max(width, self.smallest)
        feats = dict.fromkeys(('feat_1', 'feat_2'), (2, self.mid_channels, *size))
        shapes = feats | {'lrs': (2, 3, height, width), 'known': (2,)}
        return shapes, dict(shapes)

    def unroll(
        self, lrs: Tensor, states: States | None = None, cond: Tensor | None = None
    ) -> Unrolled:
        states, frames = states or States(), lrs.size(1)
        around = surround(lrs, states, 2)
        trails = [self._trail(around, backward, states[backward]) for backward in (False, True)]
        start = torch.zeros(len(lrs), 1, dtype=torch.long, device=lrs.device)
        after = [
            {key: x[:, 0] for key, x in state.items()}
            for state in (around.before(start + frames), around.after(start))
        ]
        earlier = [self._spatial(lrs)]
        for branch in _BRANCHES:
            trail, state = trails[branch.backward], states[branch.backward]
            feats = self._run(branch, earlier, trail, state, cond)
            after[branch.backward][branch.key] = _memory(feats, branch.backward)
            earlier.append(list_in_order(feats[2:], branch.backward))
        return Unrolled(torch.stack(self._reconstruct_all(lrs, earlier), 1), States(*after))

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
        around = surround(lrs, initial, 2, differing(lengths, frames))
        lengths = around.lengths
        trails = [self._trail(around, b, initial[b], self.chunk) for b in (False, True)]
        kept = around.before(sent(starts, lrs.device)), around.after(sent(ends, lrs.device))
        earlier = [self._spatial(lrs, self.chunk)]
        for branch in _BRANCHES:
            trail, state = trails[branch.backward], initial[branch.backward]
            stop = int(starts.max()) if branch is _BRANCHES[-1] else frames
            feats = self._run(branch, earlier, trail, state, cond, lengths, stop)
            memory = windows_after(feats, steps[branch.backward], 2)
            kept[branch.backward][branch.key] = memory.flip(2) if branch.backward else memory
            earlier.append(list_in_order(feats[2:], branch.backward, lengths))
        return States(*kept)

    def sweeps(self) -> list[Sweep]:
        """The features of single frames, then one sweep per branch."""
        chain = [Sweep(False, self._spatial_sweep)]
        for branch in _BRANCHES[:-1]:
            chain.append(Sweep(branch.backward, partial(self._branch_sweep, branch)))
        return [*chain, Sweep(False, self._last_sweep)]

    def _spatial_sweep(
        self,
        lrs: Tensor,
        stored: Sequence[Sequence[Tensor]],
        state: State | None,
        cond: Tensor | None,
    ) -> tuple[Sequence[Tensor], State]:
        return self._spatial(lrs), {}

    def _branch_sweep(
        self,
        branch: _Branch,
        lrs: Tensor,
        stored: Sequence[Sequence[Tensor]],
        state: State | None,
        cond: Tensor | None,
    ) -> tuple[list[Tensor], State]:
        states = States(None, state) if branch.backward else States(state)
        around = surround(lrs, states, 2)
        end = torch.full((len(lrs), 1), 0 if branch.backward else lrs.size(1), device=lrs.device)
        after = around.after(end) if branch.backward else around.before(end)
        trail = self._trail(around, branch.backward, state)
        feats = self._run(branch, [list(frames) for frames in stored], trail, state, cond)
        after = {key: x[:, 0] for key, x in after.items()}
        after[branch.key] = _memory(feats, branch.backward)
        return list_in_order(feats[2:], branch.backward), after

    def _last_sweep(
        self,
        lrs: Tensor,
        stored: Sequence[Sequence[Tensor]],
        state: State | None,
        cond: Tensor | None,
    ) -> tuple[Sequence[Tensor], State]:
        feats, after = self._branch_sweep(_BRANCHES[-1], lrs, stored, state, cond)
        return self._reconstruct_all(lrs, [*stored, feats]), after

    def _padded(self, lrs: Tensor) -> Tensor:
        """Pads (B, T, 3, H, W) to at least 64 x 64 pixels."""
        height, width = lrs.shape[-2:]
        pad = (0, max(self.smallest - width, 0), 0, max(self.smallest - height, 0))
        return F.pad(lrs.flatten(0, 1), pad, 'replicate').unflatten(0, lrs.shape[:2])

    def _spatial(self, lrs: Tensor, size: int | None = None) -> list[Tensor]:
        """Features (B, C, H, W) of each single frame, computed in batches of ``size`` frames."""
        parts = [
            self.feat_extract(part.flatten(0, 1)).unflatten(0, part.shape[:2]).unbind(1)
            for part in self._padded(lrs).split(size or lrs.size(1), 1)
        ]
        return [feat for part in parts for feat in part]

    def _trail(
        self, around: Surrounded, backward: bool, state: State | None, size: int | None = None
    ) -> _Trail:
        frames, known = around.visited(backward)
        steps = frames.size(1) - 2
        frames = self._padded(frames)
        if state is None:
            flows = flows_back(self.spynet, frames[:, 2:], size)
            return _Trail([None, None, *flows], [None] * (steps + 1))
        masks = [x.bool()[:, None, None, None] for x in known[:, :2].unbind(1)]
        return _Trail(flows_back(self.spynet, frames, size), [*masks, *[None] * (steps - 1)])

    def _run(
        self,
        branch: _Branch,
        earlier: list[list[Tensor]],
        trail: _Trail,
        state: State | None,
        cond: Tensor | None,
        lengths: Tensor | None = None,
        stop: int | None = None,
    ) -> list[Tensor]:
        """Features of the two frames before the branch's first frame, and of all frames it visits.

        Args:
            branch: The branch to run.
            earlier: The output of the branches before it for each frame, in the video's order.
            trail: The flows of the branch's direction.
            state: The state from which the branch starts; None is the initial state.
            cond, lengths: As in the interface.
            stop: Number of frames to visit; None: all.
        """
        earlier = [list_in_order(frames, branch.backward, lengths) for frames in earlier]
        planes = branch_cond(cond, self.cond_channels, branch.backward)
        if planes is not None:
            planes = in_order(planes, branch.backward, lengths)
        feats = [torch.zeros_like(earlier[0][0])] * 2
        if state is not None:
            feats = list(state[branch.key].unbind(1))[:: -1 if branch.backward else 1]
        for k in range(len(earlier[0]) if stop is None else stop):
            inputs = [frames[k] for frames in earlier]
            aligned = self._align(branch.name, inputs[0], feats[k : k + 2], trail, k)
            inputs.append(aligned)
            if planes is not None:
                inputs.append(planes[:, k].expand(-1, -1, *aligned.shape[-2:]))
            feats.append(aligned + self.backbone[branch.name](torch.cat(inputs, 1)))
        return feats

    def _align(
        self, name: str, current: Tensor, feats: list[Tensor], trail: _Trail, k: int
    ) -> Tensor:
        """Features of the last two frames, aligned to the current one; zeros at the start."""
        (flow_2, flow_1), (known_2, known_1) = trail.flows[k : k + 2], trail.known[k : k + 2]
        if flow_1 is None:
            return torch.zeros_like(current)
        # MMagic rounds positions to the feature's precision, which autocast may have halved
        feat_2, feat_1 = (feat.to(flow_1.dtype) for feat in feats)
        there = flow_1.permute(0, 2, 3, 1)
        flow_2 = torch.zeros_like(flow_1) if flow_2 is None else flow_1 + flow_warp(flow_2, there)
        if known_2 is not None:
            flow_2 = flow_2.where(known_2, 0)
        warped_1 = flow_warp(feat_1, there)
        warped_2 = flow_warp(feat_2, flow_2.permute(0, 2, 3, 1))
        extra = torch.cat([warped_1, current, warped_2], 1)
        aligned = self.deform_align[name](torch.cat([feat_1, feat_2], 1), extra, flow_1, flow_2)
        return aligned if known_1 is None else aligned.where(known_1, 0)

    def _reconstruct_all(self, lrs: Tensor, feats: Sequence[Sequence[Tensor]]) -> list[Tensor]:
        """SR frames (B, 3, 4H, 4W), one by one as in MMagic."""
        height, width = lrs.shape[-2:]
        frames = zip(self._padded(lrs).unbind(1), *feats, strict=True)
        return [self._upsampled(*x)[..., : 4 * height, : 4 * width] for x in frames]

    def _upsampled(self, lr: Tensor, *feats: Tensor) -> Tensor:
        out = self.reconstruction(torch.cat(feats, 1))
        out = self.lrelu(self.upsample1(out))
        out = self.lrelu(self.upsample2(out))
        out = self.lrelu(self.conv_hr(out))
        return self.conv_last(out) + self.img_upsample(lr)


def _memory(feats: list[Tensor], backward: bool) -> Tensor:
    """The last two frames' features (B, 2, C, H, W) in temporal order."""
    return torch.stack(feats[-2:][:: -1 if backward else 1], 1)
