"""Memory of this process as Linux counts it, from a moment on.

``ru_maxrss`` would give the peak of the imports, which is higher than that of most measurements.
"""

from pathlib import Path


class PeakMemory:
    """The most that becomes resident from its making on, above what was then."""

    def __init__(self) -> None:
        Path('/proc/self/clear_refs').write_text('5')  # Linux forgets the peak until now
        self._before = _status('VmRSS')

    def megabytes(self) -> float:
        """The peak until now."""
        return _status('VmHWM') - self._before


def _status(key: str) -> float:
    lines = Path('/proc/self/status').read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(key)) * 1024 / 1e6
