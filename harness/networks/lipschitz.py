"""Convolutions whose operator norm is bounded in training.

The norm of a convolution is the largest singular value of the linear map from its input feature
maps to its output feature maps, with their zero padding and at a given size. It is not the norm of
the kernel reshaped to a matrix, which may be a third of it (3x3 kernels).

The bound is a parametrization, weight = original * bound / max(bound, norm), and not a projection
after optimizer steps: the weights are within the bound wherever they are used (in training, in the
state pass of PI-BPTT, in evaluation, in a resumed run), whatever optimizer and loop train them, and
gradients know of it. Weights within the bound stay as they are.

The norm is estimated by power iteration at size x size pixels, from below. Plain power iteration
forgets all but the largest singular value, and training raises just the others: in 200 steps of
Adam (32 channels, 12 x 12) the true norm came to be up to 7 % above the bound with 3 iterations a
step, 2 % with 10. With Chebyshev acceleration, at the same cost, it was 0.3 %. Evaluation takes
more iterations and is within 0.2 %. At sizes below ``size`` the norm is no larger, at sizes above
it hardly: zero padding matters less (freshly initialised MRVSR: 0.02 % from 64 x 64 to 96 x 96).

Beside the norm the *stable rank* may be bounded, as Tanay et al. do (Diagnosing and Preventing
Instabilities in Recurrent Video Processing, TPAMI 2023, arXiv 2010.05099: SRN-C; MRVSR's authors
constrain their recurrence so, Chiche et al., CVPR 2022, Sec. 3). The stable rank of an operator A
is |A|_F^2 / |A|^2, at most its rank. Their code is not public; see :class:`BoundedStableRank` for
what is done here. A *hard* Lipschitz constraint bounds the norm by 1; a *soft* one lets it be
larger and bounds the stable rank, so that only few directions can be amplified.
"""

from collections.abc import Iterable
from types import MappingProxyType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.grad import conv2d_weight
from torch.nn.utils import parametrize

from harness.errors import fail

#: times ``iterations`` in evaluation and in the first step of training
SEARCH_ROUNDS = 10


class OperatorOf(nn.Module):
    """A parametrization of a convolution's weight that needs its largest singular vectors.

    In training mode power iteration goes on from the buffer ``vector`` each time that the weight is
    used. The buffer is part of checkpoints, so that a resumed training goes on with the same bits;
    it depends on nothing but the weights, so that it is the same on all ranks. Evaluation searches
    once for given weights and does not touch the buffer.

    Args:
        conv: a convolution of stride 1, or a transposed one.
        size: height and width of the layer's input, at which the operator is taken.
        iterations: power iterations of a training step.

    Raises:
        UserError: the convolution has strides, dilation or groups.
    """

    def __init__(self, conv: nn.Module, size: int, iterations: int) -> None:
        super().__init__()
        strided = not conv.transposed and {*conv.stride} != {1}
        if strided or conv.groups != 1 or {*conv.dilation} != {1}:
            fail(f'lipschitz: {conv} has strides, dilation or groups, whose norm is not known here')
        self.iterations = iterations
        self.transposed = conv.transposed
        self.geometry = dict(stride=conv.stride, padding=conv.padding)
        self.output_padding = conv.output_padding
        # all zeros: power iteration has not begun
        self.register_buffer('vector', conv.weight.new_zeros(1, conv.in_channels, size, size))
        self._begun = False
        self._settled, self._settled_for = None, None

    def singular_vector(self, weight: Tensor) -> Tensor:
        """The input feature maps (1, C, H, W) of norm 1 that are amplified most."""
        return self._advance(weight) if self.training else self._settle(weight)

    def _advance(self, weight: Tensor) -> Tensor:
        vector = self._iterate(self.vector, weight, 1) if self._begun else self._search(weight)
        self.vector.copy_(vector)
        self._begun = True
        return vector

    def _settle(self, weight: Tensor) -> Tensor:
        versions = (weight._version, self.vector._version, weight.device)
        if versions != self._settled_for:
            self._settled, self._settled_for = self._search(weight), versions
        return self._settled

    def _search(self, weight: Tensor) -> Tensor:
        """Begins with noise, too, in which every singular vector has a part."""
        noise = torch.randn(self.vector.shape, generator=torch.Generator().manual_seed(0))
        noise = F.normalize(noise, dim=None).to(self.vector)
        return self._iterate(F.normalize(self.vector + noise, dim=None), weight, SEARCH_ROUNDS)

    def _iterate(self, vector: Tensor, weight: Tensor, rounds: int) -> Tensor:
        # what is kept must not become an inference tensor; leaving inference mode turns grad on
        with torch.inference_mode(False), torch.no_grad():
            for number in range(rounds):
                vector = self._round(vector, weight, edge=1 - 0.02 / (1 + number))
        return vector

    def _round(self, vector: Tensor, weight: Tensor, edge: float) -> Tensor:
        """Multiplies by the Chebyshev polynomial of A^T A that grows above edge * its norm."""
        known = self._convolve(vector, weight).square().sum()
        scale = 2 / (edge * known).clamp(min=1e-30)  # zero weights: the vector stays

        def multiply(x: Tensor) -> Tensor:
            return scale * self._adjoint(self._convolve(x, weight), weight) - x

        before, vector = vector, multiply(vector)
        for _ in range(self.iterations - 1):
            before, vector = vector, 2 * multiply(vector) - before
            length = vector.norm()
            before, vector = before / length, vector / length
        return F.normalize(vector, dim=None)

    def _convolve(self, x: Tensor, weight: Tensor) -> Tensor:
        if self.transposed:
            return F.conv_transpose2d(
                x, weight, output_padding=self.output_padding, **self.geometry
            )
        return F.conv2d(x, weight, **self.geometry)

    def _adjoint(self, x: Tensor, weight: Tensor) -> Tensor:
        return (F.conv2d if self.transposed else F.conv_transpose2d)(x, weight, **self.geometry)

    def _load_from_state_dict(self, *args: Any) -> None:
        super()._load_from_state_dict(*args)
        self._begun = bool(self.vector.any())


class BoundedNorm(OperatorOf):
    """Holds the operator norm of a convolution at <= ``bound``.

    Args:
        conv, size, iterations: see :class:`OperatorOf`.
        bound: the largest norm.
    """

    def __init__(self, conv: nn.Module, bound: float, size: int, iterations: int) -> None:
        super().__init__(conv, size, iterations)
        self.bound = bound

    def forward(self, weight: Tensor) -> Tensor:
        with torch.autocast(weight.device.type, enabled=False):  # half precision is too coarse
            norm = self._convolve(self.singular_vector(weight), weight).norm()
        return weight * (self.bound / norm.clamp(min=self.bound))


class BoundedStableRank(OperatorOf):
    """Holds the stable rank of a convolution at <= ``ratio`` times its largest possible rank.

    After Sanyal et al. (Stable Rank Normalization, ICLR 2020), who keep the first singular part of
    a matrix, sigma u v^T, and shrink the rest. That part of a convolution is no convolution. In its
    place comes A1, the convolution in the direction of the one closest to u v^T (in the Frobenius
    norm, zero padding included), as large as the operator A is on its singular vectors:
    u^T A1 v = sigma. The rest A - A1 is orthogonal to A1, and A1 + gamma (A - A1) maps v as far
    along u as A does, whatever gamma; it is chosen so that the Frobenius norm is that of the wanted
    stable rank. The norm of the result may be larger, which makes its stable rank smaller still;
    :class:`BoundedNorm` comes after it. A stable rank smaller than A1's is out of reach in one
    step; then gamma is 0. Weights within the bound stay as they are.

    Where the operator is the kernel reshaped to a matrix (3 x 3 convolutions of single patches),
    this and :class:`BoundedNorm` give what the code of Sanyal et al. gives for norms above 1. That
    code takes the reshaped kernel of every convolution, which leaves operators with norms of up to
    1.6 (3x3, 16 or 32 channels, 10 x 10 pixels), and scales weights of smaller norms up to 1.

    Args:
        conv, size, iterations: see :class:`OperatorOf`.
        ratio: 0 to 1; at 1 nothing is bounded.
    """

    def __init__(self, conv: nn.Module, ratio: float, size: int, iterations: int) -> None:
        super().__init__(conv, size, iterations)
        output = self._convolve(torch.zeros_like(self.vector), conv.weight.detach())
        self.stable_rank = ratio * min(self.vector.numel(), output.numel())
        pixels = [torch.ones_like(x[:, :1]) for x in (self.vector, output)]
        taps = self._kernel_of(*pixels, (1, 1, *conv.kernel_size))
        # how many pairs of input and output pixels each tap of the kernel joins
        self.register_buffer('taps', taps.clamp(min=1), persistent=False)

    def _kernel_of(self, x: Tensor, y: Tensor, shape) -> Tensor:
        """The derivative of the product of ``y`` and the convolved ``x`` for the kernel."""
        pair = (y, shape, x) if self.transposed else (x, shape, y)
        return conv2d_weight(*pair, **self.geometry)

    def forward(self, weight: Tensor) -> Tensor:
        with torch.autocast(weight.device.type, enabled=False):
            vector = self.singular_vector(weight)
            image = self._convolve(vector, weight)
            norm = image.norm()
            with torch.no_grad():
                along = self._kernel_of(vector, F.normalize(image, dim=None), weight.shape)
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
    """Bounds the operator norm of the convolutions of a network, and their stable rank.

    Checkpoints of the unconstrained network load too; power iteration then begins anew.

    Args:
        recurrent: what the state passes through, in that order: after a transposed convolution of
            stride s the feature maps are s times as large.
        lipschitz: the bound; ``'hard'`` or ``'soft'`` (norm <= 2, stable rank <= 0.1 of the largest
            possible); or ``dict(bound=1.0, stable_rank=1.0, convs='recurrent', size=64,
            iterations=10)``, where ``size`` is that of the feature maps which enter the first
            module, the LR crop size of the training, and ``convs='all'`` also bounds those that no
            state passes through, at the same size, beyond which norms hardly grow.
        net: the network, for ``convs='all'``.

    Raises:
        UserError: an option is unknown or impossible.
    """
    options = _options(lipschitz)
    modules = {conv: None for module in recurrent for conv in _convs(module)}
    if options['convs'] == 'all':
        modules |= {conv: None for conv in _convs(net) if conv not in modules}
    size, count = options['size'], options['iterations']
    for conv in modules:
        bounds = [BoundedNorm(conv, options['bound'], size, count)]
        if options['stable_rank'] < 1:
            bounds.insert(0, BoundedStableRank(conv, options['stable_rank'], size, count))
        for bounded in bounds:
            # unsafe only leaves a trial run out, which is the expensive first power iteration
            parametrize.register_parametrization(conv, 'weight', bounded, unsafe=True)
        conv._register_load_state_dict_pre_hook(_accept_plain_weight, with_module=True)
        if conv.transposed:
            size *= conv.stride[0]


def _convs(module: nn.Module) -> list[nn.Module]:
    return [x for x in module.modules() if isinstance(x, (nn.Conv2d, nn.ConvTranspose2d))]


def _options(lipschitz: float | str | dict) -> dict:
    options = dict(bound=1.0, stable_rank=1.0, convs='recurrent', size=64, iterations=10)
    if isinstance(lipschitz, str):
        if lipschitz not in PRESETS:
            fail(f'lipschitz: {lipschitz!r} is none of {", ".join(PRESETS)}')
        return options | PRESETS[lipschitz]
    given = lipschitz if isinstance(lipschitz, dict) else dict(bound=lipschitz)
    if unknown := given.keys() - options.keys():
        fail(f'lipschitz.{min(unknown)}: unknown; there are {", ".join(options)}')
    options |= given
    if not 0 < options['stable_rank'] <= 1:
        fail(f'lipschitz.stable_rank: {options["stable_rank"]!r} is not above 0 and at most 1')
    if options['convs'] not in ('recurrent', 'all'):
        fail(f"lipschitz.convs: {options['convs']!r} is neither 'recurrent' nor 'all'")
    return options


def _accept_plain_weight(conv, state_dict: dict[str, Any], prefix: str, *_: Any):
    if f'{prefix}weight' in state_dict:
        name = f'{prefix}parametrizations.weight'
        state_dict[f'{name}.original'] = state_dict.pop(f'{prefix}weight')
        for number, bounded in enumerate(conv.parametrizations.weight):
            state_dict[f'{name}.{number}.vector'] = torch.zeros_like(bounded.vector)
