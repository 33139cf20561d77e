"""TOFlow: Video Enhancement with Task-Oriented Flow (Xue et al., IJCV 2019)."""

from mmagic.models.editors.tof.tof_vsr_net import TOFlowVSRNet
from mmagic.registry import MODELS
from torch import Tensor

from harness.networks.constants import constant
from harness.networks.flow import pad_to_multiple
from harness.networks.frame_window import FrameWindowNet
from harness.networks.upsample import bicubic

# MMagic's config passes these to its preprocessor
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@MODELS.register_module()
class WindowTOFlowNet(FrameWindowNet, TOFlowVSRNet):
    """MMagic's ``TOFlowVSRNet``, same parameter names, on 7 bicubically upsampled frames.

    1,405,899 parameters. Frames are normalised as in MMagic's config. HR sizes not divisible by 16
    are padded by reflection, and the result is cropped. At the ends of a video the nearest frame
    replaces missing ones; MMagic's test of the official weights takes frames from the other side
    (``reflection_circle``), up to 6 frames ahead.

    Args:
        adapt_official_weights: As in ``TOFlowVSRNet``: the middle frame comes first.
        degradation: Degradation of the LR frames, ``'bi'`` or ``'bd'``; see
            :func:`~.upsample.bicubic`.
    """

    radius = 3

    def __init__(self, adapt_official_weights: bool = False, degradation: str = 'bi') -> None:
        TOFlowVSRNet.__init__(self, adapt_official_weights)
        self.degradation = degradation

    def super_resolve_centre(self, windows: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        count, frames = windows.shape[:2]
        mean, std = (constant(tuple(x), like=windows).view(3, 1, 1) for x in (_MEAN, _STD))
        hrs = bicubic(windows.flatten(0, 1), self.degradation)
        height, width = hrs.shape[-2:]
        hrs = pad_to_multiple((hrs - mean) / std, 16).unflatten(0, (count, frames))
        srs = TOFlowVSRNet.forward(self, hrs)[..., :height, :width]
        return srs * std + mean, {}
