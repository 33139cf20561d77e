"""The norm of the gradient that is clipped, for the log."""

from torch import Tensor


class GradientNorm:
    """Keeps the norm on the device, where MMEngine's clipping would wait for it in every step.

    The log has it under the same name, among the losses of the step.
    """

    def __init__(self) -> None:
        self._name = ''
        self._norm: Tensor | None = None

    def watch(self, optim_wrapper) -> None:
        """Takes over what clipping returns; nothing where the wrapper does not clip."""
        clip = getattr(optim_wrapper, 'clip_func', None)
        if clip is None:
            return
        self._name = optim_wrapper.grad_name

        def clip_quietly(*args, **kwargs) -> None:
            self._norm = clip(*args, **kwargs)  # None where values are clipped

        optim_wrapper.clip_func = clip_quietly

    def take(self) -> dict[str, Tensor]:
        """The name and the norm of the last step, once; empty if nothing was clipped."""
        norm, self._norm = self._norm, None
        return {} if norm is None else {self._name: norm}
