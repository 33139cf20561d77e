"""Logs the norm of the clipped gradient without waiting for the GPU."""

from typing import Any

from torch import Tensor


class GradientNorm:
    """Keeps the norm on the device, whereas MMEngine's clipping waits for it in every step.

    The norm is logged under MMEngine's name, with the losses of the step.
    """

    def __init__(self) -> None:
        self._name = ''
        self._norm: Tensor | None = None

    def watch(self, optim_wrapper: Any) -> None:
        """Intercepts the result of clipping; does nothing if the wrapper does not clip."""
        clip = getattr(optim_wrapper, 'clip_func', None)
        if clip is None:
            return
        self._name = optim_wrapper.grad_name

        def clip_quietly(*args: Any, **kwargs: Any) -> None:
            self._norm = clip(*args, **kwargs)  # None if values are clipped instead of the norm

        optim_wrapper.clip_func = clip_quietly

    def take(self) -> dict[str, Tensor]:
        """The name and the norm of the last step, returned once; empty if nothing was clipped."""
        norm, self._norm = self._norm, None
        return {} if norm is None else {self._name: norm}
