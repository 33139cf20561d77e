"""MRVSR (Chiche et al., CVPR 2022) and its siblings RLSP and RFS3.

All three read the RGB LR frames t-1, t and t+1 without alignment, estimate Y by depth-to-space as a
correction of the nearest-upsampled LR Y, and interpolate chroma. Parameters are named as in the
MRVSR authors' public code, so that their weights load.
"""

import torch
import torch.nn.functional as F
from mmagic.registry import MODELS
from torch import Tensor, nn

from harness.networks.lipschitz import constrain
from harness.networks.look_ahead import beside, frame_before, neighbour_shapes
from harness.networks.luma import rgb_to_ycbcr, ycbcr_to_rgb
from harness.networks.recurrent import State, StateShapes
from harness.networks.unidirectional import UnidirectionalNet
from harness.networks.upsample import bicubic_bd

WINDOW, LUMA = 3 * 3, 4 * 4  # channels of three RGB frames, and of one Y frame at LR size


def _conv(in_channels: int, out_channels: int) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, 3, padding=1)


def _relu_convs(in_channels: int, channels: int, count: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for i in range(count):
        layers += [_conv(channels if i else in_channels, channels), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


class _ThreeFrameNet(UnidirectionalNet):
    """Three RGB LR frames in, Y and interpolated chroma out, as RGB."""

    look_ahead = 1

    def prepare(
        self, lrs: Tensor, state: State | None, following: Tensor | None
    ) -> tuple[Tensor, ...]:
        """The frames t-1, t, t+1 for each t, (B, T, 9, H, W)."""
        assert following is not None
        previous = torch.cat([frame_before(lrs, state)[:, None], lrs[:, :-1]], 1)
        return (torch.cat([previous, lrs, following], 2),)


def _luma(correction: Tensor, lr: Tensor) -> Tensor:
    """Y of the SR frame in space-to-depth layout (B, 16, H, W)."""
    return correction + rgb_to_ycbcr(lr)[:, :1]


def _to_rgb(y: Tensor, lr: Tensor) -> Tensor:
    """SR frame (B, 3, 4H, 4W) from its Y in space-to-depth layout.

    Chroma is interpolated for the phase of BD frames, with replicated borders (the authors mirror
    the border, so that the last 3 HR rows and columns differ).
    """
    chroma = bicubic_bd(rgb_to_ycbcr(lr)[:, 1:])
    return ycbcr_to_rgb(torch.cat([F.pixel_shuffle(y, 4), chroma], 1))


def _join(inputs: list[Tensor], cond: Tensor | None) -> Tensor:
    planes = [] if cond is None else [cond.expand(-1, -1, *inputs[0].shape[-2:])]
    return torch.cat([*inputs, *planes], 1)


class _ConvStack(_ThreeFrameNet):
    """A stack of 3x3 convolutions with ReLU between them."""

    def __init__(self, in_channels: int, mid_channels: int, num_convs: int) -> None:
        super().__init__()
        self.block1 = _relu_convs(in_channels, mid_channels, 1)
        self.blocks = _relu_convs(mid_channels, mid_channels, num_convs - 2)
        self.output_layer = _conv(mid_channels, LUMA)


def _initialise(module: nn.Module) -> None:
    """The authors' initialisation: Glorot's uniform weights, zero biases."""
    if isinstance(module, nn.Conv2d):
        assert module.bias is not None
        nn.init.xavier_uniform_(module.weight)
        nn.init.zeros_(module.bias)


@MODELS.register_module()
class RFS3Net(_ConvStack):
    """RFS3 (Chiche et al., CVPR 2022): RLSP without its recurrence; 766,864 parameters.

    The forward state is the previous LR frame, the backward state the next one (``look_ahead.py``).

    Args:
        mid_channels: Width of the convolutions.
        num_convs: Number of convolutions.
        cond_channels: Constant planes of the current frame concatenated to the three LR frames
            (see :class:`FrameConditioned`).
    """

    def __init__(self, mid_channels: int = 128, num_convs: int = 7, cond_channels: int = 0) -> None:
        super().__init__(WINDOW + cond_channels, mid_channels, num_convs)
        self.apply(_initialise)

    def state_shapes(self, height: int, width: int) -> tuple[StateShapes, StateShapes]:
        neighbour = neighbour_shapes(height, width)
        return neighbour, dict(neighbour)

    def advance(
        self, lr: Tensor, prepared: tuple[Tensor, ...], state: State, cond: Tensor | None
    ) -> State:
        return beside(lr)

    def step(
        self, lr: Tensor, prepared: tuple[Tensor, ...], state: State, cond: Tensor | None
    ) -> tuple[Tensor, State]:
        x = self.blocks(self.block1(_join([*prepared], cond)))
        return _to_rgb(_luma(self.output_layer(x), lr), lr), beside(lr)


@MODELS.register_module()
class RLSPNet(_ConvStack):
    """RLSP 7-128 (Fuoli et al., ICCV Workshops 2019): 1,080,336 parameters.

    The forward state is ``hidden``, features of the previous frame (mid_channels, H, W), ``y``, its
    Y in space-to-depth layout (16, H, W), and the previous LR frame; the backward state is the next
    LR frame (``look_ahead.py``).

    Args:
        mid_channels: Width of the convolutions and of the hidden state.
        num_convs: Number of convolutions from input to output; one more computes the hidden state.
        cond_channels: As in :class:`RFS3Net`.
    """

    def __init__(self, mid_channels: int = 128, num_convs: int = 7, cond_channels: int = 0) -> None:
        super().__init__(WINDOW + mid_channels + LUMA + cond_channels, mid_channels, num_convs)
        self.hidden_state_layer = _relu_convs(mid_channels, mid_channels, 1)
        self.mid_channels = mid_channels
        self.apply(_initialise)

    def state_shapes(self, height: int, width: int) -> tuple[StateShapes, StateShapes]:
        neighbour = neighbour_shapes(height, width)
        memory = {'hidden': (self.mid_channels, height, width), 'y': (LUMA, height, width)}
        return {**memory, **neighbour}, neighbour

    def advance(
        self, lr: Tensor, prepared: tuple[Tensor, ...], state: State, cond: Tensor | None
    ) -> State:
        x = self.blocks(self.block1(_join([*prepared, state['hidden'], state['y']], cond)))
        y = _luma(self.output_layer(x), lr)
        return {'hidden': self.hidden_state_layer(x), 'y': y, **beside(lr)}

    def step(
        self, lr: Tensor, prepared: tuple[Tensor, ...], state: State, cond: Tensor | None
    ) -> tuple[Tensor, State]:
        after = self.advance(lr, prepared, state, cond)
        return _to_rgb(after['y'], lr), after


@MODELS.register_module()
class MRVSRNet(_ThreeFrameNet):
    """MRVSR with the Lipschitz constraint on its recurrence: 1,209,360 parameters.

    Convolutions before (xi) and after (psi) the recurrence (phi) are free; those that the hidden
    state passes through from one frame to the next are bounded: hidden[t] =
    ReLU(phi(xi(LR), ReLU(phi_hidden(hidden[t-1])))). With both norms <= 1 the map from hidden state
    to hidden state is non-expansive for given LR frames of at most ``size`` pixels per side: the
    Euclidean distance between two states does not grow. (SRNL, the authors' constrained layer, is
    not public.) The output is computed from hidden[t] and hidden[t-1].

    The forward state is ``hidden`` (mid_channels, H, W) and the previous LR frame; the backward
    state is the next LR frame (``look_ahead.py``).

    Args:
        mid_channels: Width of the convolutions and of the hidden state.
        lipschitz: Bound on the operator norms, or its options (see :func:`constrain`); None for no
            bound.
        cond_channels: As in :class:`RFS3Net`.
    """

    def __init__(
        self,
        mid_channels: int = 128,
        lipschitz: float | str | dict | None = 1.0,
        cond_channels: int = 0,
    ) -> None:
        super().__init__()
        self.mid_channels = mid_channels
        self.xi_layers = _relu_convs(WINDOW + cond_channels, mid_channels, 3)
        self.phi_hidden_state_layer = _relu_convs(mid_channels, mid_channels, 1)
        self.phi_layers = _relu_convs(2 * mid_channels, mid_channels, 1)
        self.psi_layers = _relu_convs(2 * mid_channels, mid_channels, 2)
        self.psi_output_layer = _conv(mid_channels, LUMA)
        if lipschitz is not None:
            constrain([self.phi_hidden_state_layer, self.phi_layers], lipschitz, self)

    def state_shapes(self, height: int, width: int) -> tuple[StateShapes, StateShapes]:
        neighbour = neighbour_shapes(height, width)
        return {'hidden': (self.mid_channels, height, width), **neighbour}, neighbour

    def advance(
        self, lr: Tensor, prepared: tuple[Tensor, ...], state: State, cond: Tensor | None
    ) -> State:
        features = self.xi_layers(_join([*prepared], cond))
        recalled = self.phi_hidden_state_layer(state['hidden'])
        return {'hidden': self.phi_layers(torch.cat([features, recalled], 1)), **beside(lr)}

    def step(
        self, lr: Tensor, prepared: tuple[Tensor, ...], state: State, cond: Tensor | None
    ) -> tuple[Tensor, State]:
        after = self.advance(lr, prepared, state, cond)
        x = self.psi_layers(torch.cat([after['hidden'], state['hidden']], 1))
        return _to_rgb(_luma(self.psi_output_layer(x), lr), lr), after
