"""What a run is evaluated on and how, and which of it is on disk already.

A *variant* is a way to evaluate the same training: ``''`` is the main one, the last checkpoint with
its state carried through the whole video; ``reset15`` sets the state back every 15 frames; ``best``
takes the best checkpoint of validation. Per-frame results of a run are in ``frames_<key>.csv``,
where the key is the test set, followed by ``@<variant>`` for all variants but the main one;
``evaluations.json`` says of each how it was made.
"""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, Optional

from harness.evaluation.images import Crop, Selection, VideoSelection
from harness.files import read_json, write_json

from .evaluation_plan import EvaluationPlan

LAST, BEST = 'last', 'best'


class Variant(NamedTuple):
    """A way to evaluate a training."""

    reset_every: Optional[int] = None
    checkpoint: str = LAST

    @property
    def name(self) -> str:
        if self.checkpoint == BEST:
            return BEST
        return f'reset{self.reset_every}' if self.reset_every else ''

    def record(self) -> dict:
        """As ``grid.json`` holds it."""
        return dict(name=self.name, **self._asdict())


class Evaluation(NamedTuple):
    """One test set in one variant.

    Attributes:
        test_set: its name in the grid.
        root: where it is.
        checksum: of its content.
        variant: how it is evaluated.
        metrics: besides PSNR and SSIM.
        images: the SR frames that are kept.
    """

    test_set: str
    root: str
    checksum: str
    variant: Variant
    metrics: tuple[str, ...]
    images: Selection

    @property
    def key(self) -> str:
        """What its files are called after."""
        name = self.variant.name
        return f'{self.test_set}@{name}' if name else self.test_set

    def to_json(self) -> dict:
        return dict(self._asdict(), variant=self.variant._asdict())

    @classmethod
    def from_json(cls, content: dict) -> 'Evaluation':
        images = {
            video: VideoSelection(length, tuple(frames), Crop(*crop), row)
            for video, (length, frames, crop, row) in content['images'].items()
        }
        variant, metrics = Variant(**content['variant']), tuple(content['metrics'])
        return cls(**{**content, 'variant': variant, 'metrics': metrics, 'images': images})


def plan_evaluations(variants: Iterable[Variant], plan: EvaluationPlan) -> list[Evaluation]:
    """All test sets of a grid in each of a run's variants; the main ones come first."""
    return [
        Evaluation(name, str(s.root), s.checksum, variant, plan.metrics, plan.images[name])
        for variant in variants
        for name, s in plan.test_sets.items()
    ]


def why_missing(folder: Path, evaluations: Iterable[Evaluation]) -> dict[str, str]:
    """Key -> reason for each evaluation whose results are not in the run folder."""
    done = read_json(folder / 'evaluations.json')
    found = {e.key: _problem(folder, e, done.get(e.key)) for e in evaluations}
    return {key: problem for key, problem in found.items() if problem}


def _problem(folder: Path, wanted: Evaluation, done: Optional[dict]) -> Optional[str]:
    if not isinstance(done, dict):
        return 'not evaluated'
    if done.get('checksum') != wanted.checksum:
        return 'evaluated on another version of the set'
    if absent := [m for m in wanted.metrics if m not in done.get('metrics', ())]:
        return f'evaluated without {", ".join(absent)}'
    if done.get('images') != images_digest(wanted.images):
        return 'other SR frames were kept'
    try:
        size = frames_csv(folder, wanted.key).stat().st_size
    except FileNotFoundError:
        return 'its results are gone'
    if size != done.get('bytes'):
        return f'its results have {size} bytes instead of {done.get("bytes")}'
    return None


def record_evaluation(folder: Path, evaluation: Evaluation, iteration: Optional[int]) -> None:
    """Notes that the files of an evaluation are complete.

    Args:
        folder: of the run.
        evaluation: what was done.
        iteration: of the checkpoint; None where nothing was trained.
    """
    path = folder / 'evaluations.json'
    entry = dict(
        checksum=evaluation.checksum,
        metrics=evaluation.metrics,
        images=images_digest(evaluation.images),
        bytes=frames_csv(folder, evaluation.key).stat().st_size,
        iteration=iteration,
    )
    write_json(path, {**read_json(path), evaluation.key: entry})


def images_digest(images: Selection) -> str:
    """Stands for a selection."""
    return hashlib.sha256(json.dumps(images, sort_keys=True).encode()).hexdigest()[:16]


def frames_csv(folder: Path, key: str) -> Path:
    """Per-frame results of an evaluation."""
    return folder / f'frames_{key}.csv'
