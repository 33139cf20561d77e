"""SPMC: Detail-Revealing Deep Video Super-Resolution (Tao et al., ICCV 2017).

The authors' public code (jiangsutx/SPMC_VideoSR) is a frozen graph of the x4 network on 3 frames
of 120x160 pixels; we could not read it. Its script says that it works on luma, that the frames of a
window go through the network in order and that the last output counts. Kernels, widths and skip
connections of the encoder-decoder, the flow network of VESPCN and the weight of the flow's loss are
those on which two public reimplementations agree (LoSealL/VideoSuperResolution,
nameless-Chatoyant/SPMC_VideoSR-pytorch). That weights begin as Glorot and Bengio's is from Liu et
al.'s survey (2022).
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
    """The SPMC layer: (B, 1, H, W) moved by ``flow`` onto the grid of the x4 frame.

    The pixel at (x, y) goes to 4 * (x + flow_x, y + flow_y), in bilinear shares to the 4 pixels
    around; what meets is added, what leaves the frame is lost, and where nothing goes there is 0.

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
    """SPMC for x4 on the frames t-1, t and t+1; on luma, chroma is upsampled bicubically.

    1,722,161 parameters, 53,392 of them the flow network's. Each of the three frames is moved onto
    the grid of the SR frame (:func:`splat`) and goes through the encoder and the ConvLSTM, one
    after the other; the decoder adds detail to the bicubically upsampled frame t.

    The paper's ConvLSTM starts from nothing for every frame t. ``carry``, an extension, lets it
    start from the state in which it left frame t-1: a recurrence over the whole video.

    The forward state is ``h`` and ``c``, the ConvLSTM's hidden and cell state (4 * base_channels,
    H, W), with ``carry`` only, and the previous LR frame; the backward state is the next one
    (``look_ahead.py``). Where there is none, frame t stands in its place. The flows that a loss can
    train (``flow_loss_weight``) are those from t+1 to t; the paper's loss is absolute instead of
    squared and smooths the flow. The paper also has losses of what the decoder makes of the first
    frames of a window; here it has one of its output only.

    Args:
        base_channels: width of the first layer; twice and four times as many at 1/2 and 1/4.
        carry: whether the ConvLSTM remembers earlier frames.
        max_flow: as in :class:`~.vespcn.VESPCNNet`.
        degradation: of the LR frames, ``'bi'`` or ``'bd'``; see :func:`~.upsample.bicubic`.
        cond_channels: constant planes of frame t that are concatenated to what the encoder reads.
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
        memory = dict.fromkeys('hc', (self.hidden_channels, height, width)) if self.carry else {}
        return {**memory, **neighbour}, neighbour

    def prepare(
        self, lrs: Tensor, state: State | None, following: Tensor | None
    ) -> tuple[Tensor, ...]:
        """Frames t-1, t and t+1 on the grid of frame t (B, T, 3, 4H, 4W); flows from t+1 to t."""
        before = torch.cat([frame_before(lrs, state)[:, None], lrs[:, :-1]], 1)
        shape = lrs.shape[:2]
        now, before, after = (luma(x).flatten(0, 1) for x in (lrs, before, following))
        still = torch.zeros_like(now).expand(-1, 2, -1, -1)
        flows = [self._flow(before, now), still, self._flow(after, now)]
        moved = [splat(x, flow) for x, flow in zip((before, now, after), flows, strict=True)]
        return torch.cat(moved, 1).unflatten(0, shape), flows[2].unflatten(0, shape)

    def _flow(self, frames: Tensor, towards: Tensor) -> Tensor:
        """Where each pixel of ``frames`` lies in ``towards``, in pixels."""
        return self.motion.max_flow * self.motion(frames, towards)[1]

    def learned_flows(self, prepared: tuple[Tensor, ...]) -> Tensor | None:
        return prepared[1][:, :-1]

    def _remember(self, prepared: tuple[Tensor, ...], state: State | None, cond: Tensor | None):
        """The ConvLSTM's states after the window, and the encoder's features of its last frame."""
        moved = prepared[0]
        size = moved.shape[-2:]
        hidden, cell = (state[key] if self.carry else None for key in 'hc')
        if hidden is None:
            height, width = size[0] // SCALE, size[1] // SCALE
            hidden = cell = moved.new_zeros(len(moved), self.hidden_channels, height, width)
        planes = [] if cond is None else [cond.expand(-1, -1, *size)]
        for i in range(3):
            full = self.encode1(torch.cat([moved[:, i : i + 1], *planes], 1))
            half = self.encode2(full)
            gates = self.lstm.from_input(self.encode3(half))
            hidden, cell = self.lstm.step(gates, hidden, cell)
        return hidden, cell, half, full

    def _after(self, lr: Tensor, hidden: Tensor, cell: Tensor):
        return {**({'h': hidden, 'c': cell} if self.carry else {}), **beside(lr)}

    def advance(
        self, lr: Tensor, prepared: tuple[Tensor, ...], state: State, cond: Tensor | None
    ) -> State:
        hidden, cell = self._remember(prepared, state, cond)[:2] if self.carry else (None, None)
        return self._after(lr, hidden, cell)

    def step(
        self, lr: Tensor, prepared: tuple[Tensor, ...], state: State, cond: Tensor | None
    ) -> tuple[Tensor, State]:
        hidden, cell, half, full = self._remember(prepared, state, cond)
        x = self.decode3(hidden) + half
        detail = self.decode1(self.decode2(x) + full)
        frames = bicubic(lr, self.degradation)
        return with_luma(frames, luma(frames) + detail), self._after(lr, hidden, cell)
