"""Plain ``torch.nn.Module`` classes as networks, without any import of this project. In a config:

    generator = dict(type='PlainStepNet', net='my_net:MyNet', kwargs=dict(channels=32))

In Python: ``PlainStepNet(MyNet(channels=32))``. A file written by
``torch.save(net.state_dict(), path)`` of the module itself loads wherever a checkpoint does.
"""

import importlib
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any

import torch
from mmengine.registry import MODELS
from torch import Tensor, nn

from harness.errors import UserError, fail
from harness.networks.recurrent import State, States, StateShapes, Unrolled
from harness.networks.stateless import StatelessNet
from harness.networks.unidirectional import UnidirectionalNet
from harness.networks.wrapper import WrappingNet


class _Plain(WrappingNet):
    def __init__(self, net: nn.Module | str, kwargs: dict | None = None) -> None:
        super().__init__()
        self.net: Any = net if isinstance(net, nn.Module) else _build(net, kwargs or {})
        self.name = type(self.net).__name__

    def init_weights(self) -> None:
        """Does nothing: the module has initialised itself or loaded weights."""

    def _check_frames(self, srs: Any, lrs: Tensor) -> None:
        wanted = (*lrs.shape[:-2], *(4 * size for size in lrs.shape[-2:]))
        given = tuple(srs.shape) if isinstance(srs, Tensor) else type(srs).__name__
        if given != wanted:
            fail(f'{self.name}: SR frames must be {wanted}, got {given}')


@MODELS.register_module()
class PlainVideoNet(_Plain, StatelessNet):
    """A module whose ``forward(lrs)`` takes whole clips, like many of BasicSR's networks.

    It takes LR frames (B, T, 3, H, W) in [0, 1] and returns SR frames (B, T, 3, 4H, 4W). As it has
    no explicit states, it can be trained with RI only and is evaluated on whole videos at once, if
    they fit in memory, or on pieces of them (``reset_every``).

    Args:
        net: The module, or ``'file:Class'`` to import and build.
        kwargs: Arguments of that class.

    Raises:
        UserError: There is no such class, or it does not take these arguments.
    """

    bidirectional = True  # it may be

    def super_resolve(self, lrs: Tensor) -> Tensor:
        srs = self.net(lrs)
        self._check_frames(srs, lrs)
        return srs


@MODELS.register_module()
class PlainStepNet(_Plain, UnidirectionalNet):
    """A module with ``step(lr, state) -> (sr, state)``, called frame by frame.

    ``lr`` (B, 3, H, W) is in [0, 1], ``sr`` (B, 3, 4H, 4W). The state is a tensor, or a tuple, list
    or dict of tensors: floating-point, batch first, of a size determined by H and W alone. None is
    the initial state, and all zeros must mean the same, because clips at the start of a video share
    a batch with others. The module receives None only once for each LR size, when the shapes of its
    state are determined and this rule is checked; all videos and clips start from zeros.

    In the states of this class a single tensor is the entry ``state``; the entries of a tuple are
    ``0``, ``1``, ... In a dict, ``lr`` must be the previous LR frame and ``known`` whether there is
    one.

    With frame-number conditioning (FC) the module's class receives ``cond_channels=1`` and its step
    a third argument, the planes (B, 1, 1, 1).

    Args:
        net: The module, or ``'file:Class'`` to import and build.
        kwargs: Arguments of that class.
        cond_channels: Set by :class:`FrameConditioned`.

    Raises:
        UserError: There is no such class, it does not take these arguments, or it has no ``step``;
            at the first frame, if the step's result is not as described above.
    """

    def __init__(
        self, net: nn.Module | str, kwargs: dict | None = None, cond_channels: int = 0
    ) -> None:
        conditioning = dict(cond_channels=cond_channels) if cond_channels else {}
        super().__init__(net, {**(kwargs or {}), **conditioning})
        if not callable(getattr(self.net, 'step', None)):
            fail(
                f'{self.name} has no step(lr, state); for a module of whole clips use PlainVideoNet'
            )
        self.cond_channels = cond_channels
        self._kind: type = dict  # of the module's state
        self._shapes: dict[tuple[int, int], StateShapes] = {}

    def state_shapes(self, height: int, width: int) -> tuple[StateShapes, StateShapes]:
        if (height, width) not in self._shapes:
            self._shapes[height, width] = self._find_shapes(height, width)
        return self._shapes[height, width], {}

    def unroll(
        self, lrs: Tensor, states: States | None = None, cond: Tensor | None = None
    ) -> Unrolled:
        # before parametrizations are cached, because this computes them without gradient
        self.state_shapes(*lrs.shape[-2:])
        return super().unroll(lrs, states, cond)

    def prepare(
        self, lrs: Tensor, state: State | None, following: Tensor | None
    ) -> tuple[Tensor, ...]:
        return ()

    def step(
        self, lr: Tensor, prepared: tuple[Tensor, ...], state: State, cond: Tensor | None
    ) -> tuple[Tensor, State]:
        sr, after = self._call(lr, _pack(state, self._kind), cond)
        # autocast may return half precision; states have the precision of the frames
        return sr, {key: x.to(lr.dtype) for key, x in _unpack(after).items()}

    def _call(self, lr: Tensor, state: Any, cond: Tensor | None) -> tuple[Tensor, Any]:
        result = self.net.step(lr, state, cond) if self.cond_channels else self.net.step(lr, state)
        if not isinstance(result, tuple) or len(result) != 2:
            fail(f'{self.name}: step must return (sr, state)')
        self._check_frames(result[0], lr)
        return result

    @torch.no_grad()
    def _find_shapes(self, height: int, width: int) -> StateShapes:
        weight = next(chain(self.parameters(), self.buffers()), torch.zeros(()))
        lrs = torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(0)).to(weight)
        cond = lrs.new_zeros(2, self.cond_channels, 1, 1)
        with _exact_eval(self.net, lrs.device):
            try:
                sr, packed = self._call(lrs, None, cond)
            except (AttributeError, TypeError) as error:
                text = f'{self.name}: step(lr, None) must start a video, but raised {error!r}'
                raise UserError(text) from error
            state, self._kind = _unpack(packed), type(packed)
            for key, x in state.items():
                if not (isinstance(x, Tensor) and x.is_floating_point() and x.shape[:1] == (2,)):
                    fail(f'{self.name}: state {key!r} must be a floating-point tensor (B, ...)')
            # a single sample also reveals tensors that are not batch first
            zeros = {key: torch.zeros_like(x[:1]) for key, x in state.items()}
            alone, after = self.step(lrs[:1], (), zeros, cond[:1])
        self._check_same(dict(state, SR=sr), dict(after, SR=alone))
        return {key: tuple(x.shape[1:]) for key, x in state.items()}

    def _check_same(self, batch: State, alone: State) -> None:
        for key, x in batch.items():
            first, other = x[:1], alone.get(key, x[:0])
            same = first.shape == other.shape
            # ignore differences that are not finite
            if not same or (first - other).abs().max() > 1e-3 * first.abs().max():
                fail(
                    f'{self.name}: {key} differs between step(lr, None) for 2 samples and '
                    'step(lr, zeros) for the first of them; a state of zeros must mean "no state", '
                    'and samples must not depend on each other'
                )


def _unpack(state: Any) -> State:
    if isinstance(state, Tensor):
        return {'state': state}
    if isinstance(state, dict) and state:
        return state
    if isinstance(state, (tuple, list)) and state:
        return {str(number): x for number, x in enumerate(state)}
    fail(f'a state must be a tensor, or a tuple, list or dict of tensors, got {state!r}')


def _pack(state: State, kind: type) -> Any:
    if issubclass(kind, Tensor):
        return state['state']
    if issubclass(kind, dict):
        return dict(state)
    make: Any = getattr(kind, '_make', kind)  # named tuples have _make
    return make(state.values())


@contextmanager
def _exact_eval(net: nn.Module, device: torch.device) -> Iterator[None]:
    """Eval mode without autocast and TF32; restores the mode of each part afterwards."""
    modes = {part: part.training for part in net.modules()}
    exact = torch.backends.cudnn.flags(torch.backends.cudnn.enabled, allow_tf32=False)
    net.eval()
    try:
        with torch.autocast(device.type, enabled=False), exact:
            yield
    finally:
        for part, mode in modes.items():
            part.training = mode


def _build(net: str, kwargs: dict) -> nn.Module:
    file, _, name = net.partition(':')
    try:
        make = getattr(importlib.import_module(file), name, None)
    except (ImportError, ValueError) as error:
        fail(f"net={net!r}: {error}; it must be 'file:Class', with the file's folder on PYTHONPATH")
    if not (inspect.isclass(make) and issubclass(make, nn.Module)):
        fail(f"net={net!r}: must be 'file:Class', but {file} has no torch.nn.Module {name!r}")
    try:
        inspect.signature(make).bind(**kwargs)
    except TypeError as error:
        hint = ' (set by FC, frame-number conditioning)' if 'cond_channels' in kwargs else ''
        fail(f'net={net!r}: {error}{hint}')
    return make(**kwargs)
