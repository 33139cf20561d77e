"""RDN: Residual Dense Network for Image Super-Resolution (Zhang et al., CVPR 2018)."""

from mmagic.models.editors.rdn.rdn_net import RDNNet
from mmagic.registry import MODELS
from torch import Tensor

from harness.networks.stateless import StatelessNet, map_frames


@MODELS.register_module()
class FramewiseRDNNet(StatelessNet, RDNNet):
    """MMagic's ``RDNNet``, same parameter names and output, applied to each frame on its own.

    22,271,107 parameters with default arguments.

    Args:
        mid_channels, num_blocks, num_layers, channel_growth: As in ``RDNNet``.
    """

    def __init__(
        self,
        mid_channels: int = 64,
        num_blocks: int = 16,
        num_layers: int = 8,
        channel_growth: int = 64,
    ) -> None:
        RDNNet.__init__(
            self,
            in_channels=3,
            out_channels=3,
            mid_channels=mid_channels,
            num_blocks=num_blocks,
            upscale_factor=4,
            num_layers=num_layers,
            channel_growth=channel_growth,
        )

    def super_resolve(self, lrs: Tensor) -> Tensor:
        return map_frames(lambda images: RDNNet.forward(self, images), lrs, at_once=self.training)
