"""Chooses the networks, videos and frames of a grid that a paper's figure shows.

If the grid does not have them, :class:`Lacks` says what is missing.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from harness.runs.grid_json import TestSet
from reports.figures.pictures import Column, read_columns
from reports.figures.saved_images import SavedImages
from reports.methods import Method
from reports.results import GridResults

#: the papers' short videos have at most this many frames (Table III)
SHORT = 100


class Lacks(Exception):
    """The grid lacks something that a figure needs; the message says what."""


def network_like(grid: GridResults, name: str) -> str:
    """Returns the network with the paper's ``name``, or the first whose label contains it.

    Raises:
        Lacks: there is none.
    """
    record = grid.record
    said = [key for key, paper in record.papers.items() if paper == name]
    alike = [key for key, label in record.networks.items() if name.lower() in label.lower()]
    if not said + alike:
        raise Lacks(f'a network with paper={name!r}, or with that in its label')
    return (said + alike)[0]


def trained(grid: GridResults, network: str, strategy: str) -> list[Method]:
    """Returns a network's plain methods of a strategy without FC, smallest R first.

    Raises:
        Lacks: there is none.
    """
    found = [
        method
        for method in grid.plain_methods
        if (method.network, method.strategy, method.fc) == (network, strategy, False)
    ]
    if not found:
        raise Lacks(f'{grid.record.networks[network]} trained by {strategy}')
    return sorted(found, key=lambda method: method.repeats or 0)


def without_remedy(grid: GridResults, network: str) -> Method:
    """Returns a network without a remedy: trained with RI, or published weights.

    Raises:
        Lacks: there is neither.
    """
    plain = [method for method in grid.plain_methods if method.network == network]
    untrained = [method for method in plain if not method.is_trained]
    return untrained[0] if untrained else trained(grid, network, 'RI')[0]


def how_made(test_set: TestSet, video: str) -> dict:
    """Returns tool and parameters of a video, as far as the grid recorded them."""
    parameters = test_set.made_by.get('parameters', {})
    if 'videos' in parameters:  # each is made in its own way
        return parameters['videos'].get(video, {})
    return {'tool': test_set.made_by.get('tool', ''), **parameters}


def videos_made_by(grid: GridResults, images: SavedImages, tool: str) -> Iterator[tuple[str, str]]:
    """Yields (test set, video) with saved pictures that a tool of ``dataset_tools`` made."""
    for key, test_set in grid.record.test_sets.items():
        for video in images.videos(key):
            if how_made(test_set, video).get('tool') == tool:
                yield key, video


def stills_of(grid: GridResults, images: SavedImages) -> Iterator[tuple[str, str]]:
    """Yields (test set, video) of stills with saved pictures, by their tool or name."""
    made = set(videos_made_by(grid, images, 'static'))
    for key in grid.record.test_sets:
        for video in images.videos(key):
            if (key, video) in made or 'static' in key.lower():
                yield key, video


def sets_of_length(grid: GridResults, short: bool) -> list[str]:
    """Returns test sets that have only short videos, or only longer ones."""
    return [
        key
        for key, test_set in grid.record.test_sets.items()
        if all((frames <= SHORT) == short for frames in test_set.videos.values())
    ]


def shown(
    grid: GridResults,
    images: SavedImages,
    methods: list[Method],
    place: tuple[str, str],
    frames: Sequence[int | str],
) -> list[Column]:
    """Reads the columns of ground truth and methods of a (test set, video), without bicubic.

    Raises:
        Lacks: a method has no picture of the frames.
    """
    truth, *others = read_columns(grid, images, methods, *place, frames)
    columns = [truth, *(column for column in others if column.method is not None)]
    for column in columns:
        if any(picture is None for picture in column.pictures.values()):
            label = grid.record.test_sets[place[0]].label
            raise Lacks(f'pictures of {column.name} of {place[1]} of {label} (save_frames)')
    return columns


class Case(NamedTuple):
    """A saved frame and by how much (dB) PI is better than RI there."""

    test_set: str
    video: str
    frame: int
    gain: float


def cases(
    grid: GridResults, images: SavedImages, pair: tuple[Method, Method], test_sets: Iterable[str]
) -> Iterator[Case]:
    """Yields the frames of test sets for which both methods have a picture and a score."""
    for test_set in test_sets:
        for video in images.videos(test_set):
            found = [images.trial_of(method, test_set, video) for method in pair]
            trials = [trial for trial in found if trial]
            curves = grid.video_curves.get((test_set, video))
            if len(trials) < 2 or curves is None:
                continue
            for frame in images.frames(test_set, video):
                if all(images.picture(trial, test_set, video, frame) for trial in trials):
                    ri, pi = (float(curves.loc[frame, trial]) for trial in trials)
                    yield Case(test_set, video, frame, pi - ri)


def texture(picture: np.ndarray) -> float:
    """Mean length of the brightness gradient."""
    return float(np.hypot(*np.gradient(picture.mean(axis=2))).mean())
