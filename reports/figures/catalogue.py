"""The list of all figures of a grid, with their captions."""

from collections.abc import Callable
from typing import NamedTuple

from matplotlib.figure import Figure

from reports.figures.comparisons import comparison, frame_grid
from reports.figures.drift import drift_map
from reports.figures.frames import psnr_by_video, psnr_vs_frame
from reports.figures.profiles import temporal_profiles
from reports.figures.resets import psnr_since_reset
from reports.figures.robustness import survival_and_profiles
from reports.figures.running_time import psnr_vs_time
from reports.figures.saved_images import SavedImages
from reports.figures.scatter import heading
from reports.figures.selection import networks_and_sets
from reports.figures.signs import signs_of_instability
from reports.figures.tradeoff import r_tradeoff
from reports.inputs import Inputs
from reports.results import WINDOW, GridResults

_CURVES = (
    'Lines: mean over seeds; bands: from the worst to the best seed. Thin lines: raw; thick lines: '
    'moving average over 5 % of the frames, for videos of 100 frames and more.'
)
_RESETS = ' With resets: raw mean over seeds.'
_SEED = 'Each method is shown by its first seed with saved pictures.'


class Drawing(NamedTuple):
    """A figure to draw.

    Attributes:
        what: what it shows, in a few words.
        kind: folder of its files.
        name: name of its files.
        caption: its caption.
        make: draws it; returns None if the grid has nothing to show in it.
        grid: the results that it may show, first argument of ``make``.
        arguments: further arguments of ``make``.
        images: the pictures that it may show, second argument of ``make``.
        test_set: the test set of these pictures.
    """

    what: str
    kind: str
    name: str
    caption: str
    make: Callable[..., Figure | None]
    grid: GridResults
    arguments: tuple[str, ...] = ()
    images: SavedImages | None = None
    test_set: str = ''

    def draw(self) -> Figure | None:
        given = (self.grid,) if self.images is None else (self.grid, self.images)
        return self.make(*given, *self.arguments)

    def inputs(self, inputs: Inputs) -> str:
        """Returns the checksum of everything that it is drawn from."""
        state = self.images.state([self.test_set]) if self.images else []
        about = (self.what, self.name, self.caption, self.make.__qualname__, self.arguments)
        return inputs.of(self.grid, about, state)


class _Trained(NamedTuple):
    """A network and its training set: label of both, key for file names, results."""

    pair: tuple[str, str]
    label: str
    key: str
    part: GridResults


def drawings(grid: GridResults, images: SavedImages) -> list[Drawing]:
    """Every figure of a grid, those of all sets first."""
    trained = _trained(grid)
    curves = [*_by_set(grid, trained), *_since_reset(trained), *_signs(trained)]
    pictures = _pictures(grid, images, trained)
    return [*curves, *_overall(grid), *pictures, *_by_video(grid, trained)]


def _overall(grid: GridResults) -> list[Drawing]:
    return [
        Drawing(
            'drift',
            'overall',
            'drift',
            f'Drift: mean PSNR of the last {WINDOW} minus that of the first {WINDOW} frames of '
            'each video of at least 100 frames, mean over seeds.',
            drift_map,
            grid,
        ),
        Drawing(
            'survival and performance profiles',
            'overall',
            'robustness',
            'Left: share of videos x seeds (their number in brackets) that have not collapsed, '
            f'against the frame number. Right: share of those whose last {WINDOW} frames are above '
            'a score, with 95% bands where there are enough videos.',
            survival_and_profiles,
            grid,
        ),
        Drawing(
            'R trade-off',
            'overall',
            'r_tradeoff',
            'Training time against accuracy for several R. Points: mean over seeds; bars: from '
            'the worst to the best seed; ~: not all seeds done.',
            r_tradeoff,
            grid,
        ),
        Drawing(
            'running time against PSNR',
            'overall',
            'psnr_vs_time',
            'Running time per frame against accuracy. Points: mean over seeds; bars: from the '
            'worst to the best seed; grey lines join the strategies of one network.',
            psnr_vs_time,
            grid,
        ),
    ]


def _by_set(grid: GridResults, trained: list[_Trained]) -> list[Drawing]:
    return [
        Drawing(
            f'PSNR vs frame, {label}',
            'curves',
            f'psnr_vs_frame_{key}',
            f'PSNR of {label} against the frame number, mean over the videos of each test set. '
            f'{_about_curves(part)}',
            psnr_vs_frame,
            part,
            pair,
        )
        for pair, label, key, part in trained
    ]


def _since_reset(trained: list[_Trained]) -> list[Drawing]:
    return [
        Drawing(
            f'PSNR since a reset, {label}',
            'curves',
            f'psnr_since_reset_{key}',
            f'PSNR of {label} against the number of frames since the state was reset, mean over '
            'resets, videos and seeds; that of the other methods at the same frames, with bands '
            'from the worst to the best seed.',
            psnr_since_reset,
            part,
            pair,
        )
        for pair, label, key, part in trained
    ]


def _signs(trained: list[_Trained]) -> list[Drawing]:
    return [
        Drawing(
            f'signs of instability, {label}',
            'curves',
            f'signs_{key}',
            f'Signs of instability of {label} against training iterations, a line per run: growth '
            'of a small perturbation of the state from 1 to 3 clip lengths, and norm of the state '
            'at the end of a window relative to that after a clip length, the largest of all '
            'windows and directions; grey: threshold of the warning. Below: PSNR of the evaluated '
            'checkpoints (markers) and of validation (lines), if there was one.',
            signs_of_instability,
            part,
            pair,
        )
        for pair, label, key, part in trained
    ]


def _by_video(grid: GridResults, trained: list[_Trained]) -> list[Drawing]:
    several = {k: s for k, s in grid.record.test_sets.items() if len(s.videos) > 1}
    return [
        Drawing(
            f'PSNR vs frame by video, {label}, {test_set.label}',
            'videos',
            f'psnr_by_video_{key}_{set_key}',
            f'PSNR of {label} against the frame number on the videos of {test_set.label}. '
            f'{_about_curves(part)}',
            psnr_by_video,
            part,
            (*pair, set_key),
        )
        for pair, label, key, part in trained
        for set_key, test_set in several.items()
    ]


def _about_curves(grid: GridResults) -> str:
    return _CURVES + _RESETS * any(method.reset_every for method in grid.methods)


def _pictures(grid: GridResults, images: SavedImages, trained: list[_Trained]) -> list[Drawing]:
    found = []
    sets = {key: images.videos(key) for key in grid.record.test_sets}
    sets = {key: videos for key, videos in sets.items() if videos}
    for pair, label, key, part in trained:
        own = images.part(part)
        for set_key, videos in sets.items():
            where = grid.record.test_sets[set_key].label
            found += [
                Drawing(
                    f'pictures, {label}, {where}, {video}',
                    'pictures',
                    f'comparison_{key}_{set_key}_{video}',
                    f'{label} on {video} of {where}. The red rectangle is enlarged, where the '
                    'methods differ most over the frames shown; below each part the PSNR of its '
                    f'whole frame. {_SEED}',
                    comparison,
                    part,
                    (*pair, set_key, video),
                    own,
                    set_key,
                )
                for video in videos
            ]
            found.append(
                Drawing(
                    f'temporal profiles, {label}, {where}',
                    'pictures',
                    f'profiles_{key}_{set_key}',
                    f'Temporal profiles of {label} on {where}: one row of pixels over time '
                    f'(downwards). {_SEED}',
                    temporal_profiles,
                    part,
                    (*pair, set_key),
                    own,
                    set_key,
                )
            )
    for network in dict.fromkeys(network for (network, _), *_ in trained):
        label = grid.record.networks.get(network, 'all networks')
        part = grid.part(network)
        own = images.part(part)
        found += [
            Drawing(
                f'frames over time, {label}, {grid.record.test_sets[set_key].label}',
                'pictures',
                f'frames_{network or "all"}_{set_key}',
                f'{label} on {videos[0]} of {grid.record.test_sets[set_key].label} over time, by '
                f'strategy and training set, with the PSNR. {_SEED}',
                frame_grid,
                part,
                (network, set_key, videos[0]),
                own,
                set_key,
            )
            for set_key, videos in sets.items()
        ]
    return found


def _trained(grid: GridResults) -> list[_Trained]:
    """Every network with each of its training sets."""
    pairs = networks_and_sets(grid)
    several = len({train_set for _, train_set in pairs}) > 1
    found = []
    for network, train_set in pairs:
        key = f'{network}_{train_set}' if several else network
        label = heading(grid, train_set, network) or 'all networks'
        part = grid.part(network, train_set)
        found.append(_Trained((network, train_set), label, key or 'all', part))
    return found
