"""MMagic's successors of BasicVSR, which take a whole video at once and give no states."""

from typing import Optional

import torch.nn.functional as F
from mmagic.models.editors.basicvsr_plusplus_net import BasicVSRPlusPlusNet
from mmagic.models.editors.iconvsr import IconVSRNet
from mmagic.models.editors.iconvsr.iconvsr_net import EDVRFeatureExtractor
from mmagic.registry import MODELS

from harness.checkpoints import loading

from .flow import pretrained_spynet
from .stateless import StatelessNet


class _WholeVideo(StatelessNet):
    bidirectional = True

    def check_if_mirror_extended(self, lrs):
        # the same frames without: MMagic only saves a flow pass, and on the GPU it fails for long
        # videos of an even number of equal frames
        self.is_mirror_extended = False


@MODELS.register_module()
class WholeBasicVSRPlusPlusNet(_WholeVideo, BasicVSRPlusPlusNet):
    """MMagic's ``BasicVSRPlusPlusNet`` (Chan et al., CVPR 2022): same parameter names and output.

    Second-order propagation through four stacked branches: a state would be two frames' features of
    each branch, of which the backward ones need the whole video. 7,322,927 parameters. LR frames
    below 64 pixels, which MMagic refuses, are padded by their border and cropped again.

    Args:
        mid_channels, num_blocks, max_residue_magnitude, spynet_pretrained, cpu_cache_length: as in
            ``BasicVSRPlusPlusNet``.

    Raises:
        UserError: ``spynet_pretrained`` cannot be loaded.
    """

    smallest = 64

    def __init__(
        self,
        mid_channels: int = 64,
        num_blocks: int = 7,
        max_residue_magnitude: int = 10,
        spynet_pretrained: Optional[str] = None,
        cpu_cache_length: int = 100,
    ):
        BasicVSRPlusPlusNet.__init__(
            self,
            mid_channels,
            num_blocks,
            max_residue_magnitude,
            cpu_cache_length=cpu_cache_length,
        )
        if spynet_pretrained:
            self.spynet = pretrained_spynet(spynet_pretrained)

    def super_resolve(self, lrs):
        height, width = lrs.shape[-2:]
        pad = (0, max(self.smallest - width, 0), 0, max(self.smallest - height, 0))
        padded = F.pad(lrs.flatten(0, 1), pad, 'replicate').unflatten(0, lrs.shape[:2])
        srs = BasicVSRPlusPlusNet.forward(self, padded.contiguous())
        return srs[..., : 4 * height, : 4 * width]


@MODELS.register_module()
class WholeIconVSRNet(_WholeVideo, IconVSRNet):
    """MMagic's ``IconVSRNet`` (Chan et al., CVPR 2021): same parameter names and output.

    BasicVSR with coupled branches and features of every ``keyframe_stride``-th frame from EDVR's
    extractor, which is part of the network: 8,694,991 parameters (8,711,375 with ``padding=3``).
    Features have 64 channels, those of the extractor. Its keyframes are counted from the beginning
    of the video, and the last frame is one too: a clip has others than its video.

    Args:
        num_blocks, keyframe_stride, padding, spynet_pretrained, edvr_pretrained: as in
            ``IconVSRNet``; the last two are paths of weights.

    Raises:
        UserError: ``spynet_pretrained`` or ``edvr_pretrained`` cannot be loaded.
    """

    def __init__(
        self,
        num_blocks: int = 30,
        keyframe_stride: int = 5,
        padding: int = 2,
        spynet_pretrained: Optional[str] = None,
        edvr_pretrained: Optional[str] = None,
    ):
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

    def super_resolve(self, lrs):
        return IconVSRNet.forward(self, lrs.contiguous())

    def compute_refill_features(self, lrs, keyframe_idx):
        """MMagic's, also for videos that are shorter than EDVR's window."""
        last = lrs.size(1) - 1
        # at the ends MMagic takes the frames on the other side of the window
        outside = [min(2 * self.padding - i, last) for i in range(self.padding)]
        frames = [*outside, *range(last + 1), *(last - i for i in reversed(outside))]
        window = 2 * self.padding + 1
        return {i: self.edvr(lrs[:, frames[i : i + window]]) for i in keyframe_idx}
