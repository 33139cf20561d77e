"""Reads and checks the entries of a grid file that concern evaluation::

    metrics = ['tof', 'warp_error']  # besides PSNR and SSIM
    save_frames = dict(SET=dict(videos=[...], frames=[0, 50, -1], crop=(top, left, height, width)))
    external_results = dict(
        KEY=dict(label='MRVSR', results=dict(SET='path'), protocol='mrvsr', paper='MRVSR')
    )
    test_sets = dict(KEY=dict(root='data/reds4', protocol='basicsr_rgb'))  # 'default' by default

All are optional. ``select_images`` documents the defaults of a ``save_frames`` entry; ``paper`` is
a name in the papers' tables, as in :mod:`harness.grid.grid_file`. Metrics and protocols may come
from the grid's ``plugins``; evaluations are repeated when their code changes.
"""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config

from dataset_tools.manifest import VideoSet
from harness.evaluation.images import select_images
from harness.evaluation.protocols import DEFAULT, OWN_PROTOCOLS, PROTOCOLS
from harness.evaluation.scorer import OWN_METRICS, metric_problems, needs_gt
from harness.runs.evaluations import Evaluation, Selection, Variant
from harness.runs.identity import code_checksum

SAVE_FRAMES = ('videos', 'frames', 'crop', 'row')
_EXTERNAL = ('label', 'results', 'protocol', 'paper')


class External(NamedTuple):
    """External results, made with other code.

    Attributes:
        label: Their name in the report.
        results: Test set -> folder of frames or videos, CSV of per-frame scores, or result card.
        protocol: The scoring protocol; None for that of each test set.
        paper: Their name in the papers' tables, if any.
    """

    label: str
    results: dict[str, Path]
    protocol: str | None = None
    paper: str | None = None


class EvaluationSettings(NamedTuple):
    """The test sets of a grid, and how runs are evaluated on them.

    Attributes:
        test_sets: Name -> test set.
        metrics: Metrics besides PSNR and SSIM; those that need GT are omitted on sets without it.
        images: Test set -> the SR frames to save.
        external: Key -> external results.
        protocols: Test set -> scoring protocol, except for the default.
        code: The checksum of the plugins if metrics or protocols come from them; else ''.
    """

    test_sets: dict[str, VideoSet]
    metrics: tuple[str, ...]
    images: dict[str, Selection]
    external: dict[str, External]
    protocols: dict[str, str]
    code: str = ''

    def metrics_on(self, test_set: str) -> tuple[str, ...]:
        """The metrics that can be computed on a test set."""
        if not PROTOCOLS[self.protocols.get(test_set, DEFAULT.name)].against_lr:
            return self.metrics
        return tuple(metric for metric in self.metrics if not needs_gt(metric))

    def evaluations(self, variants: Iterable[Variant]) -> list[Evaluation]:
        """The evaluations of a run with these variants: all test sets in each of them, in order."""
        return [
            Evaluation(
                name,
                str(s.root),
                s.checksum,
                variant,
                self.metrics_on(name),
                self.images[name],
                self.code,
                self.protocols.get(name, ''),
            )
            for variant in variants
            for name, s in self.test_sets.items()
        ]


def read_evaluation(
    cfg: Config,
    test_sets: dict[str, VideoSet],
    plugins: Iterable[Path],
    problems: list[str],
) -> EvaluationSettings:
    """Reads the entries of a grid file, and adds a line to ``problems`` for each invalid one.

    Args:
        cfg: The grid file.
        test_sets: The test sets that could be loaded.
        plugins: The files of the grid's plugins, which are imported already.
        problems: Receives the problems, each with its key.
    """
    metrics = tuple(cfg.get('metrics', ()))
    problems += [f'metrics: {problem}' for problem in metric_problems(metrics)]
    images = _read_images(cfg.get('save_frames', {}), cfg.test_sets, test_sets, problems)
    entries = cfg.get('external_results', {}).items()
    external = {key: _read_external(key, entry, cfg.test_sets, problems) for key, entry in entries}
    protocols = _read_protocols(cfg.test_sets, problems)
    used = {*protocols.values(), *(entry.protocol for entry in external.values())}
    uses_own = OWN_METRICS & {*metrics} or OWN_PROTOCOLS & used
    code = ' '.join(map(code_checksum, plugins)) if uses_own else ''
    return EvaluationSettings(test_sets, metrics, images, external, protocols, code)


def _read_protocols(entries: Mapping[str, Any], problems: list[str]) -> dict[str, str]:
    chosen = {key: entry.get('protocol') or DEFAULT.name for key, entry in entries.items()}
    problems += [
        f'test_sets.{key}: {_unknown_protocol(name)}'
        for key, name in chosen.items()
        if name not in PROTOCOLS
    ]
    return {key: name for key, name in chosen.items() if name != DEFAULT.name}


def _unknown_protocol(name: object) -> str:
    return f'unknown protocol {name!r}; there are {", ".join(PROTOCOLS)}'


def _read_images(
    entries: Mapping[str, Any],
    names: Collection[str],
    test_sets: Mapping[str, VideoSet],
    problems: list[str],
) -> dict[str, Selection]:
    problems += [f'save_frames.{key}: {_no_set(key, names)}' for key in entries if key not in names]
    images = {}
    for key, test_set in test_sets.items():
        entry = entries.get(key, {})
        unknown = [f'{name!r}' for name in entry if name not in SAVE_FRAMES]
        if unknown:
            allowed = ', '.join(SAVE_FRAMES)
            problems.append(f'save_frames.{key}: unknown {", ".join(unknown)}; there are {allowed}')
            continue
        try:
            images[key] = select_images(test_set, **entry)
        except ValueError as error:
            problems.append(f'save_frames.{key}: {error}')
    return images


def _read_external(
    key: str, entry: Mapping[str, Any], names: Collection[str], problems: list[str]
) -> External:
    results = {name: Path(path) for name, path in entry.get('results', {}).items()}
    protocol = entry.get('protocol')
    found = [f'{k}: unknown; there are {", ".join(_EXTERNAL)}' for k in entry if k not in _EXTERNAL]
    found += [_no_set(name, names) for name in results if name not in names]
    found += [f'{p}: no such file or folder' for p in results.values() if not p.exists()]
    if not results:
        found.append('has no results; name the frames for each test set: dict(SET=PATH)')
    if protocol not in (None, *PROTOCOLS):
        found.append(_unknown_protocol(protocol))
    problems += [f'external_results.{key}: {problem}' for problem in found]
    return External(entry.get('label', key), results, protocol, entry.get('paper'))


def _no_set(name: str, names: Collection[str]) -> str:
    return f'no test set {name!r}; there are {", ".join(names)}'
