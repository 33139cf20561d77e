"""What a grid file says of evaluation, checked::

    metrics = ['tof', 'warp_error']  # besides PSNR and SSIM
    save_frames = dict(SET=dict(videos=[...], frames=[0, 50, -1], crop=(top, left, height, width)))
    external_results = dict(
        KEY=dict(label='MRVSR', results=dict(SET='path'), protocol='mrvsr', paper='MRVSR')
    )
    test_sets = dict(KEY=dict(root='data/reds4', protocol='basicsr_rgb'))  # 'default' by default

All are optional; what is left out of a ``save_frames`` entry is as ``select_images`` says, and
``paper`` is a name in the papers' tables, as in :mod:`harness.grid.grid_file`. Metrics and
protocols may come from the grid's ``plugins``; when their code changes, evaluations are made again.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

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
    """Results of other people's code: test set -> frames, videos, or a CSV of per-frame scores."""

    label: str
    results: dict[str, Path]
    protocol: str | None = None  # None: that of each test set
    paper: str | None = None  # its name in the papers' tables


class EvaluationSettings(NamedTuple):
    """What runs are evaluated on, and how.

    Attributes:
        test_sets: by name.
        metrics: besides PSNR and SSIM; those that need GT are left out where there is none.
        images: the SR frames to keep of each set.
        external: other people's results.
        protocols: test set -> how it is scored, for those that do not take the default.
        code: checksum of the plugins, where metrics or protocols come from them; else ''.
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
        """All test sets in each of a run's variants; the main ones come first."""
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
    """Reads the entries of a grid file; adds a line to ``problems`` for each that cannot be used.

    Args:
        cfg: the grid file.
        test_sets: those that could be loaded.
        plugins: files of the grid's plugins, which are imported.
        problems: each with the key it is in.
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


def _read_protocols(entries, problems) -> dict[str, str]:
    chosen = {key: entry.get('protocol') or DEFAULT.name for key, entry in entries.items()}
    problems += [
        f'test_sets.{key}: {_no_protocol(name)}'
        for key, name in chosen.items()
        if name not in PROTOCOLS
    ]
    return {key: name for key, name in chosen.items() if name != DEFAULT.name}


def _no_protocol(name) -> str:
    return f'unknown protocol {name!r}; there are {", ".join(PROTOCOLS)}'


def _read_images(entries, names, test_sets, problems) -> dict[str, Selection]:
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


def _read_external(key, entry, names, problems) -> External:
    results = {name: Path(path) for name, path in entry.get('results', {}).items()}
    protocol = entry.get('protocol')
    found = [f'{k}: unknown; there are {", ".join(_EXTERNAL)}' for k in entry if k not in _EXTERNAL]
    found += [_no_set(name, names) for name in results if name not in names]
    found += [f'{p}: no such file or folder' for p in results.values() if not p.exists()]
    if not results:
        found.append('has no results; name the frames for each test set: dict(SET=PATH)')
    if protocol not in (None, *PROTOCOLS):
        found.append(_no_protocol(protocol))
    problems += [f'external_results.{key}: {problem}' for problem in found]
    return External(entry.get('label', key), results, protocol, entry.get('paper'))


def _no_set(name: str, names) -> str:
    return f'no test set {name!r}; there are {", ".join(names)}'
