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
"""

from collections.abc import Iterable
from typing import Union

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrize

#: times ``iterations`` in evaluation and in the first step of training
SEARCH_ROUNDS = 10


class BoundedNorm(nn.Module):
    """Parametrization of a convolution's weight that holds its operator norm at <= ``bound``.

    In training mode power iteration goes on from the buffer ``vector`` each time that the weight is
    used. The buffer is part of checkpoints, so that a resumed training goes on with the same bits;
    it depends on nothing but the weights, so that it is the same on all ranks. Evaluation searches
    once for given weights and does not touch the buffer.

    Args:
        conv: a convolution of stride 1, or a transposed one.
        bound: the largest norm.
        size: height and width of the layer's input, at which the norm is taken.
        iterations: power iterations of a training step.
    """

    def __init__(self, conv: nn.Module, bound: float, size: int, iterations: int):
        super().__init__()
        self.bound = bound
        self.iterations = iterations
        self.transposed = conv.transposed
        self.geometry = dict(stride=conv.stride, padding=conv.padding)
        self.output_padding = conv.output_padding
        # all zeros: power iteration has not begun
        self.register_buffer('vector', conv.weight.new_zeros(1, conv.in_channels, size, size))
        self._begun = False
        self._settled, self._settled_for = None, None

    def forward(self, weight: Tensor) -> Tensor:
        with torch.autocast(weight.device.type, enabled=False):  # half precision is too coarse
            vector = self._advance(weight) if self.training else self._settle(weight)
            norm = self._convolve(vector, weight).norm()
        return weight * (self.bound / norm.clamp(min=self.bound))

    def _advance(self, weight):
        vector = self._iterate(self.vector, weight, 1) if self._begun else self._search(weight)
        self.vector.copy_(vector)
        self._begun = True
        return vector

    def _settle(self, weight):
        versions = (weight._version, self.vector._version, weight.device)
        if versions != self._settled_for:
            self._settled, self._settled_for = self._search(weight), versions
        return self._settled

    def _search(self, weight):
        """Begins with noise, too, in which every singular vector has a part."""
        noise = torch.randn(self.vector.shape, generator=torch.Generator().manual_seed(0))
        noise = F.normalize(noise, dim=None).to(self.vector)
        return self._iterate(F.normalize(self.vector + noise, dim=None), weight, SEARCH_ROUNDS)

    def _iterate(self, vector, weight, rounds):
        # what is kept must not become an inference tensor; leaving inference mode turns grad on
        with torch.inference_mode(False), torch.no_grad():
            for number in range(rounds):
                vector = self._round(vector, weight, edge=1 - 0.02 / (1 + number))
        return vector

    def _round(self, vector, weight, edge):
        """Multiplies by the Chebyshev polynomial of A^T A that grows above edge * its norm."""
        known = self._convolve(vector, weight).square().sum()
        scale = 2 / (edge * known).clamp(min=1e-30)  # zero weights: the vector stays

        def multiply(x):
            return scale * self._adjoint(self._convolve(x, weight), weight) - x

        before, vector = vector, multiply(vector)
        for _ in range(self.iterations - 1):
            before, vector = vector, 2 * multiply(vector) - before
            length = vector.norm()
            before, vector = before / length, vector / length
        return F.normalize(vector, dim=None)

    def _convolve(self, x, weight):
        if self.transposed:
            return F.conv_transpose2d(
                x, weight, output_padding=self.output_padding, **self.geometry
            )
        return F.conv2d(x, weight, **self.geometry)

    def _adjoint(self, x, weight):
        return (F.conv2d if self.transposed else F.conv_transpose2d)(x, weight, **self.geometry)

    def _load_from_state_dict(self, *args):
        super()._load_from_state_dict(*args)
        self._begun = bool(self.vector.any())


def constrain(modules: Iterable[nn.Module], lipschitz: Union[float, dict]) -> None:
    """Bounds the operator norm of every convolution in ``modules``.

    Checkpoints of the unconstrained network load too; power iteration then begins anew.

    Args:
        modules: in the order in which features pass through them: after a transposed convolution
            of stride s the feature maps are s times as large.
        lipschitz: the bound, or ``dict(bound=1.0, size=64, iterations=10)``, where ``size`` is that
            of the feature maps which enter the first module: the LR crop size of the training.
    """
    options = dict(bound=1.0, size=64, iterations=10)
    options.update(lipschitz if isinstance(lipschitz, dict) else dict(bound=lipschitz))
    convs = (
        layer
        for module in modules
        for layer in module.modules()
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d))
    )
    for conv in convs:
        bounded = BoundedNorm(conv, **options)
        # unsafe only leaves a trial run out, which is the expensive first power iteration
        parametrize.register_parametrization(conv, 'weight', bounded, unsafe=True)
        conv._register_load_state_dict_pre_hook(_accept_plain_weight, with_module=True)
        if conv.transposed:
            options['size'] *= conv.stride[0]


def _accept_plain_weight(conv, state_dict, prefix, *_):
    if f'{prefix}weight' in state_dict:
        name = f'{prefix}parametrizations.weight'
        state_dict[f'{name}.original'] = state_dict.pop(f'{prefix}weight')
        vector = conv.parametrizations.weight[0].vector
        state_dict[f'{name}.0.vector'] = torch.zeros_like(vector)
