"""Ways to reset the state of a network during a video, as grid files and records write them."""

import re
from typing import NamedTuple

_FORM = re.compile(r'(?P<every>[1-9]\d*)(?:-(?P<kind>[a-z]+)(?P<amount>\d+(?:\.\d+)?))?')
OVERLAPPING, GUARDS = ('overlap', 'blend'), ('norm', 'distance')
_FORMS = 'N, N-overlapM, N-blendM, N-normX and N-distanceX, such as 15, 15-overlap4, 15-distance0.5'


class Reset(NamedTuple):
    """A way to reset the state.

    - ``15``: the video is cut into pieces of 15 frames, each super-resolved as a separate video.
    - ``15-overlap4``: each piece begins 4 frames before the previous one ends. The first half of
      the overlap comes from the earlier piece and the second half from the later one. The output
      thus omits the worst frames: the first of a piece for a unidirectional network, those at both
      ends for a bidirectional one. After ROSO (arXiv 2408.12439).
    - ``15-blend4``: the same, but the two pieces are cross-faded over the overlap.
    - ``15-norm2``: the state is reset to the initial one once its root mean square exceeds twice
      the value that it had after 15 frames of the video. The PI-BPTT paper mentions resets where
      errors accumulate as future work.
    - ``15-distance0.5``: every 15 frames, the last 15 are also run from the initial state. If the
      two states differ by more than 0.5 times the norm of the fresh one, the fresh one replaces
      the other.

    Attributes:
        every: The number of frames N.
        kind: '' or one of ``OVERLAPPING`` and ``GUARDS``.
        amount: The overlap in frames, or the threshold.
    """

    every: int
    kind: str = ''
    amount: float = 0.0

    @classmethod
    def parse(cls, value: int | str) -> 'Reset':
        """Parses a number of frames or a text in one of the forms above.

        Raises:
            ValueError: It is neither; the message says why.
        """
        match = None if isinstance(value, bool) else _FORM.fullmatch(str(value))
        if not match or match['kind'] not in (None, *OVERLAPPING, *GUARDS):
            raise ValueError(f'{value!r} is not a reset; valid forms are {_FORMS}')
        reset = cls(int(match['every']), match['kind'] or '', float(match['amount'] or 0))
        if reset.kind and not reset.amount:
            raise ValueError(f'{value!r}: {reset.kind} must not be 0')
        if reset.is_overlapping and (reset.amount % 1 or 2 * reset.amount > reset.every):
            raise ValueError(f'{value!r}: the overlap must be 1 to {reset.every // 2} whole frames')
        return reset

    def __str__(self) -> str:
        return f'{self.every}-{self.kind}{self.amount:g}' if self.kind else str(self.every)

    @property
    def value(self) -> int | str:
        """The value from which :meth:`parse` gives this reset."""
        return str(self) if self.kind else self.every

    @property
    def is_overlapping(self) -> bool:
        """Whether pieces overlap."""
        return self.kind in OVERLAPPING

    @property
    def period(self) -> int | None:
        """The number of frames between two resets; None if the state decides."""
        if self.is_guard:
            return None
        return self.every - int(self.amount)

    @property
    def cost(self) -> float:
        """How many times each frame goes through the network on average."""
        if self.is_overlapping:
            return self.every / (self.every - self.amount)
        return 2.0 if self.kind == 'distance' else 1.0

    @property
    def is_guard(self) -> bool:
        """Whether the state decides when it is reset."""
        return self.kind in GUARDS

    @property
    def label(self) -> str:
        """'reset every 15, overlap 4'."""
        if self.kind == 'norm':
            return f'reset at {self.amount:g}x the norm at frame {self.every}'
        if self.kind == 'distance':
            return f'reset at distance {self.amount:g}, every {self.every}'
        kind = {'': '', 'overlap': ', overlap {:g}', 'blend': ', blended over {:g}'}[self.kind]
        return f'reset every {self.every}{kind.format(self.amount)}'
