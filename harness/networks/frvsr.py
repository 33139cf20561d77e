"""FRVSR: Frame-Recurrent Video Super-Resolution (Sajjadi et al., CVPR 2018)."""

import torch
import torch.nn.functional as F
from mmagic.registry import MODELS
from torch import Tensor, nn

from harness.networks.lipschitz import constrain
from harness.networks.recurrent import State, StateShapes
from harness.networks.unidirectional import UnidirectionalNet
from harness.networks.upsample import bicubic_bd, bilinear
from harness.networks.warp import warp


class _ResidualBlock(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(F.relu(self.conv1(x)))


def _deconvolution_tail(channels: int) -> nn.Sequential:
    """The paper's tail: two stride-2 transposed convolutions, then one to 3 channels."""
    upscale = [
        layer
        for _ in range(2)
        for layer in (
            nn.ConvTranspose2d(channels, channels, 3, 2, 1, output_padding=1),
            nn.ReLU(inplace=True),
        )
    ]
    return nn.Sequential(*upscale, nn.Conv2d(channels, 3, 3, padding=1))


def _pixel_shuffle_tail(channels: int) -> nn.Sequential:
    """A cheaper tail with all convolutions at LR size."""
    return nn.Sequential(nn.Conv2d(channels, 48, 3, padding=1), nn.PixelShuffle(4))


_TAILS = {'deconvolution': _deconvolution_tail, 'pixel_shuffle': _pixel_shuffle_tail}
_UPSAMPLERS = {'bilinear': bilinear, 'bicubic_bd': bicubic_bd}


@MODELS.register_module()
class FRVSRNet(UnidirectionalNet):
    """FRVSR's super-resolution and flow networks.

    The previous SR frame, warped by the x4 upsampled LR flow, is concatenated to the LR frame in
    space-to-depth layout; the network's output is added to the upsampled LR frame. With default
    arguments it has 2,589,093 parameters (1,745,506 of them in the flow network).

    The forward state is ``sr``, the previous SR frame (or its detail, see ``residual_recurrence``),
    (3, 4H, 4W), and ``lr``, the previous LR frame, (3, H, W).

    Args:
        mid_channels: Width of the SR network.
        num_blocks: Residual blocks of the SR network (without batch norm).
        flow_net: Config of the flow network.
        tail: ``'deconvolution'`` as in the paper, or the cheaper ``'pixel_shuffle'``.
        residual_recurrence: Not in the paper. The recurrence runs on the *detail*, the difference
            between SR and upsampled LR frame, and each frame adds to it:
            detail[t] = warp(detail[t-1]) + net(LR[t], warp(detail[t-1])). Such a network is at the
            edge of stability from its first iteration on, so that a small one shows in minutes
            what full-size networks show after days.
        upsampler: Upsampling of the flow and of the LR frame: ``'bilinear'`` as in the paper, or
            ``'bicubic_bd'`` (see :func:`bicubic_bd`) for weights of TecoGAN-PyTorch (see
            ``harness/networks/foreign/frnet.py``).
        cond_channels: Number of constant planes concatenated to the LR frame where it enters the
            SR network (see :class:`FrameConditioned`).
        lipschitz: Bound on the operator norm of each convolution that the previous SR frame passes
            through (all convolutions of the SR network), or its options (see :func:`constrain`).
            Nothing else is guaranteed: the map from SR frame to SR frame may still be expansive, as
            a residual block's Lipschitz constant may be 1 + bound**2 and warping may enlarge the
            norm.
    """

    def __init__(
        self,
        mid_channels: int = 64,
        num_blocks: int = 10,
        flow_net: dict | None = None,
        tail: str = 'deconvolution',
        residual_recurrence: bool = False,
        upsampler: str = 'bilinear',
        cond_channels: int = 0,
        lipschitz: float | str | dict | None = None,
    ) -> None:
        super().__init__()
        self.upsample = _UPSAMPLERS[upsampler]
        self.residual_recurrence = residual_recurrence
        self.flow_net = MODELS.build(flow_net or dict(type='FRVSRFlowNet'))
        self.head = nn.Conv2d(3 + 3 * 16 + cond_channels, mid_channels, 3, padding=1)
        self.blocks = nn.Sequential(*(_ResidualBlock(mid_channels) for _ in range(num_blocks)))
        self.tail = _TAILS[tail](mid_channels)
        if residual_recurrence:
            self._shrink_first_updates()
        if lipschitz is not None:
            constrain([self.head, self.blocks, self.tail], lipschitz, self)

    def _shrink_first_updates(self) -> None:
        """Keeps the detail of an untrained network from exploding over a whole video."""
        with torch.no_grad():
            for part in (self.blocks[-1], self.tail):
                conv = [m for m in part.modules() if isinstance(m, nn.Conv2d)][-1]
                assert conv.bias is not None
                conv.weight.mul_(0.1)
                conv.bias.zero_()

    def state_shapes(self, height: int, width: int) -> tuple[StateShapes, StateShapes]:
        return {'sr': (3, 4 * height, 4 * width), 'lr': (3, height, width)}, {}

    def prepare(
        self, lrs: Tensor, state: State | None, following: Tensor | None
    ) -> tuple[Tensor, ...]:
        """LR flow (B, T, 2, H, W) to the previous frame; zero if there is none."""
        previous_lr = None if state is None else state['lr']
        before = lrs[:, :-1]
        if previous_lr is not None:
            before = torch.cat([previous_lr[:, None], before], 1)
        now = lrs[:, lrs.size(1) - before.size(1) :]
        batch, frames = now.shape[:2]
        if frames == 0:
            return (lrs.new_zeros(batch, 1, 2, *lrs.shape[-2:]),)
        flows = self.flow_net(now.flatten(0, 1), before.flatten(0, 1)).unflatten(0, (batch, frames))
        if previous_lr is None:
            flows = torch.cat([torch.zeros_like(flows[:, :1]), flows], 1)
        return (flows,)

    def learned_flows(self, prepared: tuple[Tensor, ...]) -> Tensor | None:
        return prepared[0][:, 1:]

    def step(
        self, lr: Tensor, prepared: tuple[Tensor, ...], state: State, cond: Tensor | None
    ) -> tuple[Tensor, State]:
        (flow,) = prepared
        hr_flow = 4 * self.upsample(flow)
        warped = warp(state['sr'], hr_flow)
        inputs = [lr, F.pixel_unshuffle(warped, 4)]
        if cond is not None:
            inputs.append(cond.expand(-1, -1, *lr.shape[-2:]))
        features = self.blocks(F.relu(self.head(torch.cat(inputs, 1))))
        detail = self.tail(self._in_fast_order(features))
        if self.residual_recurrence:
            detail = detail + warped
        sr = detail + self.upsample(lr)
        return sr, {'sr': detail if self.residual_recurrence else sr, 'lr': lr}

    def _in_fast_order(self, features: Tensor) -> Tensor:
        """Features with their channels last in memory where that makes deconvolutions faster.

        That is in inference on a CPU, where the whole network then takes 0.6 of the time and its
        frames change in the last digits. Nothing is gained in training.
        """
        is_worth_it = torch.is_inference_mode_enabled() and not features.is_cuda
        if is_worth_it and isinstance(self.tail[0], nn.ConvTranspose2d):
            return features.contiguous(memory_format=torch.channels_last)
        return features
