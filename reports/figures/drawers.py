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
from reports.inputs import Inputs
from reports.outputs import Failure, failure
from reports.results import GridResults
from reports.stamps import Stamps


class Drawn(NamedTuple):
    """A figure that was drawn: what it shows, its caption, its PNG and PDF, two columns or one."""

    what: str
    caption: str
    paths: list[Path]
    is_wide: bool


class Drawers:
    """Draws the figures of a grid in other processes, while this one does something else.

    Figures whose inputs have not changed since the last report are kept. ``results`` waits for all
    of them; ``stop`` must always be called.

    Args:
        grid: the results.
        images: its saved pictures.
        folder: the folder of figures, with one folder per kind.
        stamps: the stamps of existing figures.
        inputs: checksums of what figures are drawn from.
    """

    def __init__(
        self,
        grid: GridResults,
        images: SavedImages,
        folder: Path,
        stamps: Stamps,
        inputs: Inputs,
    ):
        self._todo = drawings(grid, images)
        self._names = _file_names(self._todo)
        self._folder, self._stamps = folder, stamps
        self._inputs = [drawing.inputs(inputs) for drawing in self._todo]
        self._kept = [stamps.kept(*stamp) for stamp in zip(self._names, self._inputs, strict=True)]
        left = [number for number, stamp in enumerate(self._kept) if stamp is None]
        self._pool: Executor | None = None
        self._drawn = {}
        if left:
            self._pool = pool = self._start(len(left))
            # The last ones take longest (one panel per video), so they come first.
            self._drawn = {i: pool.submit(_draw, i) for i in reversed(left)}

    def _start(self, count: int) -> Executor:
        for part in {id(drawing.grid): drawing.grid for drawing in self._todo}.values():
            part.curves, part.video_curves  # noqa: B018 (computed once, before the processes part)
        style.settings()  # so is the import of seaborn
        work = (self._todo, self._names, self._folder)
        # Forked processes have the grid in memory already. One for each processor.
        count = min(len(os.sched_getaffinity(0)), count)
        try:
            return ProcessPoolExecutor(count, get_context('fork'), _start, work)
        except OSError:  # containers without /dev/shm have no semaphores
            return ThreadPoolExecutor(1, initializer=_start, initargs=work)

    def stop(self) -> None:
        """End the processes after their current figures."""
        if self._pool:
            self._pool.shutdown(cancel_futures=True)

    def results(self) -> tuple[list[Drawn], list[Failure]]:
        """Return the figures that have something to show, and those that failed, in order."""
        try:
            found = [self._result(number) for number in range(len(self._todo))]
        except BrokenProcessPool:
            reason = 'a drawing process was killed (out of memory?)'
            return [], [Failure(f'figures could not be written: {reason}')]
        drawn = [one for one in found if isinstance(one, Drawn)]
        return drawn, [one for one in found if isinstance(one, Failure)]

    def _result(self, number: int) -> Drawn | Failure | None:
        drawing, stamp = self._todo[number], self._kept[number]
        if stamp is not None:
            paths = [self._stamps.folder / name for name in stamp['files']]
            return Drawn(drawing.what, drawing.caption, paths, stamp['is_wide']) if paths else None
        result = self._drawn[number].result()
        if not isinstance(result, Failure):
            paths, is_wide = (result.paths, result.is_wide) if result else ([], False)
            self._stamps.add(self._names[number], self._inputs[number], paths, is_wide=is_wide)
        return result


def _file_names(todo: list[Drawing]) -> list[str]:
    """Returns unique file names below the folder of figures that are valid on every system.

    Names of videos may differ only in punctuation.
    """
    names = []
    for drawing in todo:
        name = plain = f'{drawing.kind}/' + re.sub(r'[^\w.-]', '_', drawing.name)
        number = 1
        while name in names:
            number += 1
            name = f'{plain}-{number}'
        names.append(name)
    return names


_WORK: list = []  # in a drawing process: the drawings, the names of their files, and the folder


def _start(todo: list[Drawing], names: list[str], folder: Path) -> None:
    _WORK[:] = [todo, names, folder]


def _draw(index: int) -> Drawn | Failure | None:
    todo, names, folder = _WORK
    drawing = todo[index]
    try:
        figure = drawing.draw()
        if figure is None:
            return None
        is_wide = bool(figure.get_figwidth() > style.COLUMN_WIDTH)
        paths = style.save(figure, folder, names[index])
        return Drawn(drawing.what, drawing.caption, paths, is_wide)
    except Exception as error:  # no error may prevent the other figures
        return failure(f'figure "{drawing.what}"', error)
