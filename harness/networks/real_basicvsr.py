"""RealBasicVSR: Investigating Tradeoffs in Real-World Video Super-Resolution (Chan et al., CVPR
2022): BasicVSR after a network that cleans each LR frame."""

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from mmagic.models.editors.basicvsr.basicvsr_net import ResidualBlocksWithInputConv
from mmagic.registry import MODELS
from torch import Tensor, nn

from harness.networks.basicvsr import StatefulBasicVSRNet
from harness.networks.recurrent import State, States, StateShapes, Sweep, Unrolled
from harness.networks.stateless import map_frames
from harness.networks.two_branches import TwoBranchNet

#: maximum number of times that a frame is cleaned, as in MMagic
MAX_CLEANINGS = 3


@MODELS.register_module()
class StatefulRealBasicVSRNet(TwoBranchNet):
    """MMagic's ``RealBasicVSRNet`` with explicit states and the same parameter names.

    6,294,834 parameters. The states are BasicVSR's (:class:`StatefulBasicVSRNet`); their ``lr`` is
    the original neighbouring LR frame, which is cleaned when it is read.

    *Dynamic refinement* cleans a frame again while it still changes much. MMagic decides once for
    all frames in its input, so that a frame's output depends on where a clip begins and ends and on
    the other clips of the batch. Here the decision is made for each frame, by the mean of its own
    change, so that clips agree with the whole video. Both are the same with the default threshold
    of 255, used in training, which cleans once, and whenever all frames get the same decision.

    The further output (see :class:`Unrolled`) is ``cleaned``, the cleaned LR frames.

    Args:
        mid_channels: Channels of the features.
        num_propagation_blocks: Residual blocks of each branch.
        num_cleaning_blocks: Residual blocks of the cleaning network.
        dynamic_refine_thres: A frame is cleaned again, at most 3 times in total, while its mean
            absolute change is not below this threshold, in units of 1/255. MMagic's configs
            recommend 1.5 (trained without GAN) and 5 (trained with GAN) for testing.
        spynet_pretrained: As in :class:`StatefulBasicVSRNet`. The flow network is not trained.
        hr_channels, flow_net, cond_channels: As in :class:`StatefulBasicVSRNet`.

    Raises:
        UserError: ``spynet_pretrained`` cannot be loaded.
    """

    def __init__(
        self,
        mid_channels: int = 64,
        num_propagation_blocks: int = 20,
        num_cleaning_blocks: int = 20,
        dynamic_refine_thres: float = 255,
        spynet_pretrained: str | None = None,
        hr_channels: int = 64,
        flow_net: dict | None = None,
        cond_channels: int = 0,
    ) -> None:
        super().__init__()
        self.dynamic_refine_thres = dynamic_refine_thres / 255
        self.image_cleaning = nn.Sequential(
            ResidualBlocksWithInputConv(3, mid_channels, num_cleaning_blocks),
            nn.Conv2d(mid_channels, 3, 3, padding=1),
        )
        self.basicvsr = StatefulBasicVSRNet(
            mid_channels,
            num_propagation_blocks,
            spynet_pretrained,
            hr_channels,
            flow_net,
            cond_channels,
        )
        self.basicvsr.spynet.requires_grad_(False)

    def state_shapes(self, height: int, width: int) -> tuple[StateShapes, StateShapes]:
        return self.basicvsr.state_shapes(height, width)

    def clean(self, frames: Tensor) -> Tensor:
        """Cleaned LR frames (N, 3, H, W)."""
        unfinished = torch.arange(len(frames), device=frames.device)
        for _ in range(MAX_CLEANINGS):
            changes = self.image_cleaning(frames[unfinished]).to(frames)
            frames = frames.index_add(0, unfinished, changes)
            sizes = changes.detach().abs().mean((1, 2, 3))
            unfinished = unfinished[sizes >= self.dynamic_refine_thres]
            if not len(unfinished):
                break
        return frames

    def _clean_clip(self, lrs: Tensor) -> Tensor:
        return map_frames(self.clean, lrs, at_once=self.training)

    def _clean_state(self, state: State | None) -> State | None:
        return None if state is None else {**state, 'lr': self.clean(state['lr'])}

    def walk(
        self, lrs: Tensor, state: State | None, cond: Tensor | None, backward: bool
    ) -> Iterator[tuple[int, State]]:
        cleaned, state = self._clean_clip(lrs), self._clean_state(state)
        for i, after in self.basicvsr.walk(cleaned, state, cond, backward):
            yield i, {**after, 'lr': lrs[:, i]}

    def unroll(
        self, lrs: Tensor, states: States | None = None, cond: Tensor | None = None
    ) -> Unrolled:
        cleaned = self._clean_clip(lrs)
        inner = States(*map(self._clean_state, states or States()))
        unrolled = self.basicvsr.unroll(cleaned, inner, cond)
        after, before = unrolled.states
        assert after is not None and before is not None
        return unrolled._replace(
            states=States({**after, 'lr': lrs[:, -1]}, {**before, 'lr': lrs[:, 0]}),
            outputs={'cleaned': cleaned} if self.training else None,
        )

    def further_targets(self, gts: Tensor) -> dict[str, Tensor]:
        """GT frames averaged over blocks of 4x4 pixels."""
        return {'cleaned': F.avg_pool2d(gts.flatten(0, 1), 4).unflatten(0, gts.shape[:2])}

    def sweeps(self) -> list[Sweep]:
        return [Sweep(True, self._backward_sweep), Sweep(False, self._forward_sweep)]

    def _backward_sweep(
        self,
        lrs: Tensor,
        stored: Sequence[Sequence[Tensor]],
        state: State | None,
        cond: Tensor | None,
    ) -> tuple[Sequence[Tensor], State]:
        """Features and cleaned frames; within the chain the states' ``lr`` are cleaned frames."""
        cleaned = self._clean_clip(lrs)
        feats, after = self.basicvsr.sweeps()[0].run(cleaned, stored, state, cond)
        pairs = zip(feats, cleaned.unbind(1), strict=True)
        return [torch.cat(pair, 1) for pair in pairs], after

    def _forward_sweep(
        self,
        lrs: Tensor,
        stored: Sequence[Sequence[Tensor]],
        state: State | None,
        cond: Tensor | None,
    ) -> tuple[Sequence[Tensor], State]:
        frames = [x.split([x.size(1) - 3, 3], 1) for x in stored[0]]
        feats, cleaned = zip(*frames, strict=True)
        return self.basicvsr.sweeps()[1].run(torch.stack(cleaned, 1), [feats], state, cond)
