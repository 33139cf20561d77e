"""Convolutions whose operator norm is bounded in training.

The norm of a convolution is the largest singular value of the linear map from its input feature
maps to its output feature maps, including zero padding, at a given size. It is not the norm of the
kernel reshaped to a matrix, which may be a third of it (3x3 kernels).

The bound is a parametrization, weight = original * bound / max(bound, norm), not a projection after
optimizer steps: the weights are within the bound wherever they are used (in training, in the state
pass of PI-BPTT, in evaluation, in a resumed run), with any optimizer and training loop, and
gradients take the bound into account. Weights within the bound are unchanged.

Power iteration at size x size pixels estimates the norm from below. Plain power iteration loses all
but the largest singular value, and training raises the others: in 200 steps of Adam (32 channels,
12 x 12) the true norm rose up to 7 % above the bound with 3 iterations per step, 2 % with 10. With
Chebyshev acceleration, at the same cost, it was 0.3 %. Evaluation uses more iterations and is
within 0.2 %. At sizes below ``size`` the norm is no larger; at larger sizes it hardly grows, as
zero padding matters less (freshly initialised MRVSR: 0.02 % from 64 x 64 to 96 x 96).

In addition to the norm, the *stable rank* may be bounded, following Tanay et al. (Diagnosing and
Preventing Instabilities in Recurrent Video Processing, TPAMI 2023, arXiv 2010.05099: SRN-C); the
authors of MRVSR constrain their recurrence in this way (Chiche et al., CVPR 2022, Sec. 3). The
stable rank of an operator A is ``|A|_F^2 / |A|^2``, at most its rank. Their code is not public; see
:class:`BoundedStableRank` for our implementation. A *hard* Lipschitz constraint bounds the norm by
1; a *soft* constraint allows a larger norm and bounds the stable rank, so that only a few
directions can be amplified.
"""

from collections.abc import Iterable, Sequence
from types import MappingProxyType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.grad import conv2d_weight
from torch.nn.utils import parametrize

from harness.errors import fail

#: rounds of ``iterations`` in evaluation and in the first step of training
SEARCH_ROUNDS = 10

Convolution = nn.Conv2d | nn.ConvTranspose2d


class OperatorOf(nn.Module):
    """A parametrization of a convolution's weight that needs its largest singular vectors.

    In training mode power iteration continues from the buffer ``vector`` each time the weight is
    used. The buffer is part of checkpoints, so that a resumed training is bit-identical; it depends
    on the weights alone, so that it is the same on all ranks. Evaluation searches once for given
    weights and leaves the buffer unchanged.

    Args:
        conv: A convolution of stride 1, or a transposed convolution.
        size: Height and width of the layer's input, which define the operator.
        iterations: Power iterations of a training step.

    Raises:
        UserError: The convolution has a stride, dilation or groups.
    """

    vector: Tensor

    def __init__(self, conv: Convolution, size: int, iterations: int) -> None:
        super().__init__()
        strided = not conv.transposed and {*conv.stride} != {1}
        if strided or conv.groups != 1 or {*conv.dilation} != {1}:
            fail(
                f'lipschitz: {conv} has a stride, dilation or groups, for which the norm is not '
                'implemented'
            )
        self.iterations = iterations
        self.transposed = conv.transposed
        self.geometry: dict[str, Any] = dict(stride=conv.stride, padding=conv.padding)
        self.output_padding = conv.output_padding
        # all zeros: power iteration has not started
        self.register_buffer('vector', conv.weight.new_zeros(1, conv.in_channels, size, size))
        self._begun = False
        self._settled: tuple[tuple, Tensor] | None = None  # for given weights and buffer
        self._before: tuple[OperatorOf, ...] = ()  # a tuple, so as not to be a submodule

    def follow(self, before: 'OperatorOf') -> None:
        """Names the bound whose result is the weight here.

        That is another tensor with each frame, so that only the weight of the first bound tells
        whether something has changed.
        """
        self._before = (before,)

    def singular_vector(self, weight: Tensor) -> Tensor:
        """The input feature maps (1, C, H, W) of norm 1 that are amplified most."""
        return self._advance(weight) if self.training else self._settle(weight)

    def _advance(self, weight: Tensor) -> Tensor:
        vector = self._iterate(self.vector, weight, 1) if self._begun else self._search(weight)
        self.vector.copy_(vector)
        self._begun = True
        return vector

    def _settle(self, weight: Tensor) -> Tensor:
        versions = (self._origin(weight), self.vector._version, weight.device)
        if self._settled is None or self._settled[0] != versions:
            self._settled = versions, self._search(weight)
        return self._settled[1]

    def _origin(self, weight: Tensor) -> int | tuple:
        if not self._before:
            return weight._version
        assert self._before[0]._settled is not None  # it has just bounded the same weight
        return self._before[0]._settled[0]

    def _search(self, weight: Tensor) -> Tensor:
        """Starts from the buffer plus noise, which contains every singular vector."""
        noise = torch.randn(self.vector.shape, generator=torch.Generator().manual_seed(0))
        noise = _unit(noise).to(self.vector)
        return self._iterate(_unit(self.vector + noise), weight, SEARCH_ROUNDS)

    def _iterate(self, vector: Tensor, weight: Tensor, rounds: int) -> Tensor:
        # the stored vector must not be an inference tensor; leaving inference mode turns grad on
        with torch.inference_mode(False), torch.no_grad():
            for number in range(rounds):
                vector = self._round(vector, weight, edge=1 - 0.02 / (1 + number))
        return vector

    def _round(self, vector: Tensor, weight: Tensor, edge: float) -> Tensor:
        """Multiplies by the Chebyshev polynomial of A^T A that grows above edge * its norm."""
        known = self._convolve(vector, weight).square().sum()
        scale = 2 / (edge * known).clamp(min=1e-30)  # with zero weights the vector is unchanged

        def multiply(x: Tensor) -> Tensor:
            return scale * self._adjoint(self._convolve(x, weight), weight) - x

        before, vector = vector, multiply(vector)
        for _ in range(self.iterations - 1):
            before, vector = vector, 2 * multiply(vector) - before
            length = vector.norm()
            before, vector = before / length, vector / length
        return _unit(vector)

    def _convolve(self, x: Tensor, weight: Tensor) -> Tensor:
        if self.transposed:
            return F.conv_transpose2d(
                x, weight, output_padding=self.output_padding, **self.geometry
            )
        return F.conv2d(x, weight, **self.geometry)

    def _adjoint(self, x: Tensor, weight: Tensor) -> Tensor:
        if self.transposed:
            return F.conv2d(x, weight, **self.geometry)
        return F.conv_transpose2d(x, weight, **self.geometry)

    def _load_from_state_dict(self, *args: Any) -> None:
        super()._load_from_state_dict(*args)
        self._begun = bool(self.vector.any())


class BoundedNorm(OperatorOf):
    """Limits the operator norm of a convolution to ``bound``.

    Args:
        conv, size, iterations: See :class:`OperatorOf`.
        bound: The largest norm.
    """

    def __init__(self, conv: Convolution, bound: float, size: int, iterations: int) -> None:
        super().__init__(conv, size, iterations)
        self.bound = bound

    def forward(self, weight: Tensor) -> Tensor:
        with torch.autocast(weight.device.type, enabled=False):  # half precision is too coarse
            norm = self._convolve(self.singular_vector(weight), weight).norm()
        return weight * (self.bound / norm.clamp(min=self.bound))


class BoundedStableRank(OperatorOf):
    """Limits the stable rank of a convolution to ``ratio`` times its largest possible rank.

    Follows Sanyal et al. (Stable Rank Normalization, ICLR 2020), who keep the first singular
    component of a matrix, sigma u v^T, and shrink the rest. For a convolution this component is not
    a convolution itself. It is replaced by A1, a multiple of the convolution closest to u v^T (in
    the Frobenius norm, including zero padding), scaled to agree with the operator A on its singular
    vectors: u^T A1 v = sigma. The rest A - A1 is orthogonal to A1, and for any gamma
    A1 + gamma (A - A1) maps v as far along u as A does; gamma is chosen such that the Frobenius
    norm is that of the wanted stable rank. The norm of the result may be larger, which makes its
    stable rank even smaller; :class:`BoundedNorm` is applied afterwards. A stable rank smaller than
    A1's cannot be reached in one step; then gamma is 0. Weights within the bound are unchanged.

    If the operator is the kernel reshaped to a matrix (3 x 3 convolutions of single patches), this
    class and :class:`BoundedNorm` agree with the code of Sanyal et al. for norms above 1. That code
    uses the reshaped kernel of every convolution, which leaves operators with norms of up to 1.6
    (3x3, 16 or 32 channels, 10 x 10 pixels), and scales weights of smaller norms up to 1.

    Args:
        conv, size, iterations: See :class:`OperatorOf`.
        ratio: 0 to 1; 1 is no bound.
    """

    taps: Tensor

    def __init__(self, conv: Convolution, ratio: float, size: int, iterations: int) -> None:
        super().__init__(conv, size, iterations)
        output = self._convolve(torch.zeros_like(self.vector), conv.weight.detach())
        self.stable_rank = ratio * min(self.vector.numel(), output.numel())
        inputs, outputs = (torch.ones_like(x[:, :1]) for x in (self.vector, output))
        taps = self._kernel_of(inputs, outputs, (1, 1, *conv.kernel_size))
        # number of pairs of input and output pixels that each tap of the kernel connects
        self.register_buffer('taps', taps.clamp(min=1), persistent=False)

    def _kernel_of(self, x: Tensor, y: Tensor, shape: Sequence[int]) -> Tensor:
        """The derivative of the inner product of ``y`` and the convolved ``x`` by the kernel."""
        if self.transposed:
            return conv2d_weight(y, shape, x, **self.geometry)
        return conv2d_weight(x, shape, y, **self.geometry)

    def forward(self, weight: Tensor) -> Tensor:
        with torch.autocast(weight.device.type, enabled=False):
            vector = self.singular_vector(weight)
            image = self._convolve(vector, weight)
            norm = image.norm()
            with torch.no_grad():
                along = self._kernel_of(vector, _unit(image), weight.shape)
                direction = along / self.taps
                squared = (along * direction).sum().clamp(min=1e-30)
                room = (self.stable_rank - 1 / squared).clamp(min=0).sqrt()
            first = direction * (norm / squared)
            rest = weight - first
            gamma = room * norm / (self.taps * rest.square()).sum().clamp(min=1e-30).sqrt()
            within = (gamma >= 1) | (norm == 0)
        return torch.where(within, weight, first + gamma * rest)


#: ``lipschitz='hard'`` and ``'soft'``
PRESETS = MappingProxyType(dict(hard=dict(bound=1.0), soft=dict(bound=2.0, stable_rank=0.1)))


def constrain(
    recurrent: Iterable[nn.Module],
    lipschitz: float | str | dict,
    net: nn.Module | None = None,
) -> None:
    """Bounds the operator norm of a network's convolutions, and optionally their stable rank.

    Checkpoints of the unconstrained network load too; power iteration then starts afresh.

    Args:
        recurrent: The modules that the state passes through, in order: after a transposed
            convolution of stride s the feature maps are s times as large.
        lipschitz: The bound; ``'hard'`` or ``'soft'`` (norm <= 2, stable rank <= 0.1 of the largest
            possible); or ``dict(bound=1.0, stable_rank=1.0, convs='recurrent', size=64,
            iterations=10)``. ``size`` is the height and width of the feature maps at the first
            module, usually the LR crop size in training; ``convs='all'`` also bounds the
            convolutions that no state passes through, at their largest size so far, beyond which
            norms hardly grow.
        net: The network, for ``convs='all'``.

    Raises:
        UserError: An option is unknown or out of range.
    """
    options = _options(lipschitz)
    modules = {conv: None for module in recurrent for conv in _convs(module)}
    if options['convs'] == 'all':
        assert net is not None
        modules |= {conv: None for conv in _convs(net) if conv not in modules}
    size, count = options['size'], options['iterations']
    for conv in modules:
        bounds: list[OperatorOf] = [BoundedNorm(conv, options['bound'], size, count)]
        if options['stable_rank'] < 1:
            bounds.insert(0, BoundedStableRank(conv, options['stable_rank'], size, count))
            bounds[1].follow(bounds[0])
        for bounded in bounds:
            # unsafe only skips a trial run, which would be the expensive first power iteration
            parametrize.register_parametrization(conv, 'weight', bounded, unsafe=True)
        conv._register_load_state_dict_pre_hook(_accept_plain_weight, with_module=True)
        if conv.transposed:
            size *= conv.stride[0]


def _unit(x: Tensor) -> Tensor:
    return F.normalize(x, dim=None)  # type: ignore[arg-type]


def _convs(module: nn.Module) -> list[Convolution]:
    return [x for x in module.modules() if isinstance(x, (nn.Conv2d, nn.ConvTranspose2d))]


def _options(lipschitz: float | str | dict) -> dict[str, Any]:
    options: dict[str, Any] = dict(
        bound=1.0, stable_rank=1.0, convs='recurrent', size=64, iterations=10
    )
    if isinstance(lipschitz, str):
        if lipschitz not in PRESETS:
            fail(f'lipschitz: {lipschitz!r} is not one of {", ".join(PRESETS)}')
        return options | PRESETS[lipschitz]
    given = lipschitz if isinstance(lipschitz, dict) else dict(bound=lipschitz)
    if unknown := given.keys() - options.keys():
        fail(f'lipschitz.{min(unknown)}: unknown; there are {", ".join(options)}')
    options |= given
    if not 0 < options['stable_rank'] <= 1:
        fail(f'lipschitz.stable_rank: {options["stable_rank"]!r} must be above 0 and at most 1')
    if options['convs'] not in ('recurrent', 'all'):
        fail(f"lipschitz.convs: {options['convs']!r} is neither 'recurrent' nor 'all'")
    return options


def _accept_plain_weight(conv: Any, state_dict: dict[str, Any], prefix: str, *_: Any) -> None:
    if f'{prefix}weight' in state_dict:
        name = f'{prefix}parametrizations.weight'
        state_dict[f'{name}.original'] = state_dict.pop(f'{prefix}weight')
        for number, bounded in enumerate(conv.parametrizations.weight):
            state_dict[f'{name}.{number}.vector'] = torch.zeros_like(bounded.vector)
