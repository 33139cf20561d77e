"""SPMC: Detail-Revealing Deep Video Super-Resolution (Tao et al., ICCV 2017).

The authors' public code (jiangsutx/SPMC_VideoSR) is a frozen graph of the x4 network on 3 frames
of 120x160 pixels, which we could not read. Its script shows that it works on luma, that the frames
of a window pass through the network in order and that the last output is the result. Two public
reimplementations (LoSealL/VideoSuperResolution, nameless-Chatoyant/SPMC_VideoSR-pytorch) agree on
the kernels, widths and skip connections of the encoder-decoder, on VESPCN's flow network and on the
weight of the flow loss, which we follow. The Glorot initialisation is from Liu et al.'s survey
(2022).
"""

import torch
from mmagic.registry import MODELS
from torch import Tensor, nn

from harness.networks.convlstm import ConvLSTM
from harness.networks.look_ahead import beside, frame_before, neighbour_shapes
from harness.networks.luma import luma, with_luma
from harness.networks.recurrent import State, StateShapes
from harness.networks.unidirectional import UnidirectionalNet
from harness.networks.upsample import bicubic
from harness.networks.vespcn import MotionCompensation

SCALE = 4


def splat(images: Tensor, flow: Tensor) -> Tensor:
    """The SPMC layer: moves (B, 1, H, W) by ``flow`` onto the grid of the x4 frame.

    The pixel at (x, y) goes to 4 * (x + flow_x, y + flow_y), distributed bilinearly over the 4
    surrounding pixels. Contributions to the same pixel are added, those outside the frame are
    dropped, and pixels without contributions are 0.

    Args:
        images: (B, 1, H, W).
        flow: (B, 2, H, W), (x, y) in LR pixels.

    Returns:
        (B, 1, 4H, 4W).
    """
    batch, _, height, width = images.shape
    ys = torch.arange(height, device=flow.device, dtype=flow.dtype)[:, None]
    xs = torch.arange(width, device=flow.device, dtype=flow.dtype)
    rows, columns = SCALE * (ys + flow[:, 1]), SCALE * (xs + flow[:, 0])
    top, left = rows.detach().floor(), columns.detach().floor()
    up = images.new_zeros(batch, SCALE * height * SCALE * width)
    for i in range(2):
        for j in range(2):
            share = (1 - (rows - top - i).abs()) * (1 - (columns - left - j).abs())
            row, column = top + i, left + j
            inside = (row >= 0) & (row < SCALE * height) & (column >= 0) & (column < SCALE * width)
            place = torch.where(inside, row * SCALE * width + column, 0).long().flatten(1)
            value = torch.where(inside, share * images[:, 0], 0.0).flatten(1)
            up = up.scatter_add(1, place, value)
    return up.view(batch, 1, SCALE * height, SCALE * width)


def _conv(in_channels: int, out_channels: int, kernel: int, stride: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(in_channels, out_channels, kernel, stride, kernel // 2)
    return nn.Sequential(conv, nn.ReLU(inplace=True))


def _deconv(in_channels: int, out_channels: int) -> nn.Sequential:
    deconv = nn.ConvTranspose2d(in_channels, out_channels, 4, 2, 1)
    return nn.Sequential(deconv, nn.ReLU(inplace=True))


def _initialise(module: nn.Module) -> None:
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.xavier_uniform_(module.weight)


@MODELS.register_module()
class SPMCNet(UnidirectionalNet):
    """SPMC for x4 on the frames t-1, t and t+1; works on luma, chroma is upsampled bicubically.

    1,722,161 parameters, 53,392 of them in the flow network. Each of the three frames is moved onto
    the grid of the SR frame (:func:`splat`) and passes through the encoder and the ConvLSTM, one
    after the other; the decoder adds detail to the bicubically upsampled frame t.

    The paper's ConvLSTM starts afresh for every frame t. With ``carry``, an extension, it starts
    from its state after frame t-1, which makes it a recurrence over the whole video.

    The forward state is ``h`` and ``c``, the ConvLSTM's hidden and cell state (4 * base_channels,
    H, W), with ``carry`` only, and the previous LR frame; the backward state is the next LR frame
    (``look_ahead.py``). At the ends of a video, frame t replaces the missing one. A loss
    (``flow_loss_weight``) can train the flows from t+1 to t; the paper's loss is absolute instead
    of squared and smooths the flow. The paper also has losses on the decoder's output for the first
    frames of a window; here only the output for the last frame has a loss.

    Args:
        base_channels: Width of the first layer; twice and four times as many at 1/2 and 1/4 size.
        carry: Whether the ConvLSTM remembers earlier frames.
        max_flow: As in :class:`~.vespcn.VESPCNNet`.
        degradation: Degradation of the LR frames, ``'bi'`` or ``'bd'``; see
            :func:`~.upsample.bicubic`.
        cond_channels: Constant planes of frame t concatenated to the encoder's input.
    """

    look_ahead = 1

    def __init__(
        self,
        base_channels: int = 32,
        carry: bool = True,
        max_flow: float = 16.0,
        degradation: str = 'bi',
        cond_channels: int = 0,
    ) -> None:
        super().__init__()
        self.carry = carry
        self.degradation = degradation
        self.motion = MotionCompensation(max_flow)
        c = base_channels
        self.hidden_channels = 4 * c
        self.encode1 = _conv(1 + cond_channels, c, 5)
        self.encode2 = nn.Sequential(_conv(c, 2 * c, 3, 2), _conv(2 * c, 2 * c, 3))
        self.encode3 = _conv(2 * c, 4 * c, 3, 2)
        self.lstm = ConvLSTM(4 * c, 4 * c)
        self.decode3 = nn.Sequential(_conv(4 * c, 4 * c, 3), _deconv(4 * c, 2 * c))
        self.decode2 = nn.Sequential(_conv(2 * c, 2 * c, 3), _deconv(2 * c, c))
        self.decode1 = nn.Sequential(_conv(c, c, 3), nn.Conv2d(c, 1, 5, padding=2))
        self.apply(_initialise)

    def state_shapes(self, height: int, width: int) -> tuple[StateShapes, StateShapes]:
        neighbour = neighbour_shapes(height, width)
        memory: StateShapes = {}
        if self.carry:
            memory = dict.fromkeys('hc', (self.hidden_channels, height, width))
        return {**memory, **neighbour}, neighbour

    def prepare(
        self, lrs: Tensor, state: State | None, following: Tensor | None
    ) -> tuple[Tensor, ...]:
        """Frames t-1, t and t+1 on the grid of frame t (B, T, 3, 4H, 4W); flows from t+1 to t."""
        assert following is not None
        before = torch.cat([frame_before(lrs, state)[:, None], lrs[:, :-1]], 1)
        shape = lrs.shape[:2]
        now, before, after = (luma(x).flatten(0, 1) for x in (lrs, before, following))
        still = torch.zeros_like(now).expand(-1, 2, -1, -1)
        flows = [self._flow(before, now), still, self._flow(after, now)]
        moved = [splat(x, flow) for x, flow in zip((before, now, after), flows, strict=True)]
        return torch.cat(moved, 1).unflatten(0, shape), flows[2].unflatten(0, shape)

    def _flow(self, frames: Tensor, towards: Tensor) -> Tensor:
        """The flow from each pixel of ``frames`` to its position in ``towards``, in pixels."""
        return self.motion.max_flow * self.motion(frames, towards)[1]

    def learned_flows(self, prepared: tuple[Tensor, ...]) -> Tensor | None:
        return prepared[1][:, :-1]

    def _remember(
        self, prepared: tuple[Tensor, ...], state: State, cond: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The ConvLSTM's states after the window, and the encoder's features of its last frame."""
        moved = prepared[0]
        size = moved.shape[-2:]
        if self.carry:
            hidden, cell = state['h'], state['c']
        else:
            height, width = size[0] // SCALE, size[1] // SCALE
            hidden = cell = moved.new_zeros(len(moved), self.hidden_channels, height, width)
        planes = [] if cond is None else [cond.expand(-1, -1, *size)]
        for i in range(3):
            full = self.encode1(torch.cat([moved[:, i : i + 1], *planes], 1))
            half = self.encode2(full)
            gates = self.lstm.from_input(self.encode3(half))
            hidden, cell = self.lstm.step(gates, hidden, cell)
        return hidden, cell, half, full

    def _after(self, lr: Tensor, hidden: Tensor, cell: Tensor) -> State:
        return {**({'h': hidden, 'c': cell} if self.carry else {}), **beside(lr)}

    def advance(
        self, lr: Tensor, prepared: tuple[Tensor, ...], state: State, cond: Tensor | None
    ) -> State:
        if not self.carry:
            return beside(lr)
        hidden, cell = self._remember(prepared, state, cond)[:2]
        return self._after(lr, hidden, cell)

    def step(
        self, lr: Tensor, prepared: tuple[Tensor, ...], state: State, cond: Tensor | None
    ) -> tuple[Tensor, State]:
        hidden, cell, half, full = self._remember(prepared, state, cond)
        x = self.decode3(hidden) + half
        detail = self.decode1(self.decode2(x) + full)
        frames = bicubic(lr, self.degradation)
        return with_luma(frames, luma(frames) + detail), self._after(lr, hidden, cell)
