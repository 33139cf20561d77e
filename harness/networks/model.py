"""The MMEngine model around a recurrent network: losses for training, frames for testing."""

from typing import Any

import torch
from mmagic.registry import MODELS
from mmengine.model import BaseDataPreprocessor, BaseModel
from torch import Tensor, nn

from harness.errors import fail
from harness.networks.amplification import Amplification, amplification_loss
from harness.networks.recurrent import States
from harness.networks.warp import warp


@MODELS.register_module()
class FramePreprocessor(BaseDataPreprocessor):
    """Moves a batch to the device and scales uint8 frames to [0, 1].

    Args:
        channels_last: Return frames in channels-last memory order.
    """

    def __init__(self, channels_last: bool = False) -> None:
        super().__init__(non_blocking=True)  # from pinned memory, while the GPU computes
        self.channels_last = channels_last

    def forward(self, data: dict, training: bool = False) -> dict:
        data = self.cast_data(data)
        for key in ('inputs', 'gts'):
            if key in data and data[key].dtype == torch.uint8:
                data[key] = data[key].float().div_(255)
                if self.channels_last:
                    data[key] = data[key].movedim(2, -1).contiguous().movedim(-1, 2)
        return data


@MODELS.register_module()
class RecurrentVSR(BaseModel):
    """Super-resolves clips that may start in the middle of a video.

    MMagic's ``BaseEditModel`` cannot pass states along with the images, and its preprocessor treats
    every tensor as an image; this model takes states as an argument. Checkpoints call the network
    ``generator``, like MMagic's; checkpoints of the network alone load too.

    Args:
        generator: Config of a recurrent network.
        pixel_loss: Config of the loss between SR and GT frames.
        flow_loss_weight: Weight of the LR warping loss (FRVSR), for networks with a learned flow:
            mean squared difference between each LR frame and its warped predecessor. 0 disables it.
        output_losses: For each further output of the network (see
            :class:`~harness.networks.recurrent.Unrolled`), the config of its loss.
        channels_last: Keep weights, and thus features, in channels-last memory order: equal results
            up to rounding, faster for some networks.
        init_cfg, data_preprocessor: As in MMEngine; the default preprocessor moves data to the
            device and scales uint8 frames to [0, 1].
    """

    def __init__(
        self,
        generator: dict,
        pixel_loss: dict | None = None,
        flow_loss_weight: float = 0.0,
        output_losses: dict[str, dict] | None = None,
        channels_last: bool = False,
        data_preprocessor: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(
            MODELS.build(
                data_preprocessor or dict(type='FramePreprocessor', channels_last=channels_last)
            ),
            init_cfg,
        )
        self.generator = MODELS.build(generator)
        self.pixel_loss = MODELS.build(pixel_loss) if pixel_loss else None
        self.flow_loss_weight = flow_loss_weight
        self.output_losses = nn.ModuleDict(
            {name: MODELS.build(loss) for name, loss in (output_losses or {}).items()}
        )
        self.states_after = States()
        if channels_last:
            self.to(memory_format=torch.channels_last)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        # MMagic's BasicVSR stores a counter of training steps in its checkpoints
        state_dict.pop(f'{prefix}step_counter', None)
        own = f'{prefix}generator.'
        if not any(name.startswith(own) for name in state_dict):  # weights of the network alone
            for name in list(state_dict):
                state_dict[own + name[len(prefix) :]] = state_dict.pop(name)
        super()._load_from_state_dict(state_dict, prefix, *args)

    def forward(
        self,
        inputs: Tensor,
        gts: Tensor | None = None,
        states: States | None = None,
        start: int | Tensor = 0,
        length: int | Tensor | None = None,
        amplification: Amplification | None = None,
        mode: str = 'tensor',
    ) -> Tensor | dict[str, Tensor]:
        """Runs the network on LR clips.

        Args:
            inputs: LR clips (B, T, 3, H, W) in [0, 1].
            gts: HR clips (B, T, 3, 4H, 4W) in [0, 1], required by mode ``'loss'``.
            states: States at the clips' ends; None is the initial state.
            start: Number of each clip's first frame in its video.
            length: Number of frames of each whole video, if known.
            amplification: Adds the penalty on the growth of perturbations to the losses.
            mode: ``'tensor'`` and ``'predict'`` return SR frames, ``'loss'`` a dict of losses;
                ``'loss'`` also stores the detached states for the neighbouring clips in
                :attr:`states_after`.

        Raises:
            UserError: Mode ``'loss'`` without ``pixel_loss``.
        """
        if mode != 'loss':
            return self.generator(inputs, states, start, length=length)
        if self.pixel_loss is None:
            fail('model.pixel_loss: missing; training needs the config of a loss')
        cond = self.generator.condition(inputs, start, length)
        unrolled = self.generator.unroll(inputs, states, cond)
        self.states_after = unrolled.states.map(Tensor.detach)
        losses = dict(loss_pixel=self.pixel_loss(unrolled.frames, gts))
        if self.flow_loss_weight and unrolled.flows is not None:
            losses['loss_flow'] = self.flow_loss_weight * flow_loss(inputs, unrolled.flows)
        if self.output_losses:
            targets = self.generator.further_targets(gts)
            for name, loss in self.output_losses.items():
                losses[f'loss_{name}'] = loss(unrolled.outputs[name], targets[name])
        if amplification:
            losses['loss_amplification'] = amplification_loss(
                self.generator, inputs, states, cond, unrolled.states, amplification
            )
        return losses | (unrolled.losses or {})


def flow_loss(lrs: Tensor, flows: Tensor) -> Tensor:
    """FRVSR's warping loss: mean squared error between each LR frame and its warped predecessor.

    Args:
        lrs: (B, T, 3, H, W).
        flows: (B, T-1, 2, H, W), from frames 1..T-1 to the frame before.
    """
    if flows.size(1) == 0:
        return flows.sum()
    warped = warp(lrs[:, :-1].flatten(0, 1), flows.flatten(0, 1))
    return torch.mean((warped - lrs[:, 1:].flatten(0, 1)) ** 2)
