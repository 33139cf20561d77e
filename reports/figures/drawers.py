"""Drawing the figures of a grid on all processors."""

import os
import re
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

from reports.figures import style
from reports.figures.catalogue import Drawing, drawings
from reports.figures.saved_images import SavedImages
from reports.outputs import Failure, failure
from reports.results import GridResults


class Drawn(NamedTuple):
    """A figure that was drawn: what it shows, its caption, its PNG and PDF, two columns or one."""

    what: str
    caption: str
    paths: list[Path]
    is_wide: bool


class Drawers:
    """Draws the figures of a grid in other processes, while this one does something else.

    ``results`` waits for the end; ``stop`` must be called in any case.
    """

    def __init__(self, grid: GridResults, images: SavedImages, folder: Path):
        grid.curves, grid.video_curves  # noqa: B018 (computed once, before the processes part)
        todo = drawings(grid, images)
        start = dict(initializer=_start, initargs=(todo, _file_names(todo), folder))
        # Forked processes have the grid in memory already. One for each processor.
        count = min(len(os.sched_getaffinity(0)), len(todo))
        try:
            self._pool: Executor = ProcessPoolExecutor(count, get_context('fork'), **start)
        except OSError:  # containers without /dev/shm have no semaphores
            self._pool = ThreadPoolExecutor(1, **start)
        # The last ones take longest (one panel a video), so they come first.
        self._drawn = {i: self._pool.submit(_draw, i) for i in reversed(range(len(todo)))}

    def stop(self) -> None:
        """End the processes, when what they draw now is done."""
        self._pool.shutdown(cancel_futures=True)

    def results(self) -> tuple[list[Drawn], list[Failure]]:
        """The figures for which there was something to show, and those that failed, in order."""
        try:
            found = [self._drawn[index].result() for index in sorted(self._drawn)]
        except BrokenProcessPool:
            reason = 'a process that draws was killed (out of memory?)'
            return [], [Failure(f'figures could not be written: {reason}')]
        drawn = [one for one in found if isinstance(one, Drawn)]
        return drawn, [one for one in found if isinstance(one, Failure)]


def _file_names(todo: list[Drawing]) -> list[str]:
    """Names of files, safe anywhere and each once: videos may differ in punctuation alone."""
    names = []
    for drawing in todo:
        name = plain = re.sub(r'[^\w.-]', '_', drawing.name)
        number = 1
        while name in names:
            number += 1
            name = f'{plain}-{number}'
        names.append(name)
    return names


_WORK: list = []  # what a drawing process draws, the names of the files, and their folder


def _start(todo: list[Drawing], names: list[str], folder: Path) -> None:
    _WORK[:] = [todo, names, folder]


def _draw(index: int) -> Drawn | Failure | None:
    todo, names, folder = _WORK
    what, _, caption, draw = todo[index]
    try:
        figure = draw()
        if figure is None:
            return None
        is_wide = figure.get_figwidth() > style.COLUMN_WIDTH
        return Drawn(what, caption, style.save(figure, folder, names[index]), is_wide)
    except Exception as error:  # whatever it is, it must not cost the other figures
        return failure(f'figure "{what}"', error)
