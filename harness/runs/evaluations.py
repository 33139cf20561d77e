"""The evaluations of a run: which are wanted, which are on disk, and whether their results count.

A *variant* is a way to evaluate the same training. ``''`` is the main one: the last checkpoint,
with the state carried through the whole video. ``reset15`` resets the state every 15 frames (see
``resets.py`` for other forms); ``best`` uses the best checkpoint by validation. Per-frame results
are in ``frames_<key>.csv``, where the key is the test set, followed by ``@<variant>`` for all
variants but the main one. ``evaluations.json`` records how each was made.
"""

import hashlib
import json
import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from harness.runs.files import InvalidFile, load_json, read_json, sha256, write_json
from harness.runs.folder import RunFolder
from harness.runs.resets import Reset

LAST, BEST = 'last', 'best'


class Crop(NamedTuple):
    """A rectangle of an HR frame, in pixels."""

    top: int
    left: int
    height: int
    width: int

    def cut(self, image: np.ndarray, scale: int = 1) -> np.ndarray:
        """Crops an image (H, W, 3) that is ``scale`` times smaller than HR."""
        top, left, height, width = (value // scale for value in self)
        return image[top : top + height, left : left + width]


class VideoSelection(NamedTuple):
    """What to save of a video of ``length`` frames: frames, a crop, a temporal profile's row."""

    length: int
    frames: tuple[int, ...]
    crop: Crop
    row: int


Selection = dict[str, VideoSelection]  # by video


class Variant(NamedTuple):
    """A way to evaluate a training."""

    reset: Reset | None = None
    checkpoint: str = LAST

    @property
    def name(self) -> str:
        if self.checkpoint == BEST:
            return BEST
        return f'reset{self.reset}' if self.reset else ''

    def to_json(self) -> dict:
        reset = self.reset and self.reset.value
        return dict(name=self.name, reset_every=reset, checkpoint=self.checkpoint)

    @classmethod
    def from_json(cls, content: dict) -> 'Variant':
        """Reads what :meth:`to_json` gave.

        Raises:
            ValueError: ``reset_every`` is not a valid reset.
        """
        reset = content['reset_every']
        return cls(None if reset is None else Reset.parse(reset), content['checkpoint'])


class Evaluation(NamedTuple):
    """One test set in one variant.

    Attributes:
        test_set: The test set's name in the grid.
        root: The test set's folder.
        checksum: The checksum of its content.
        variant: How the run is evaluated.
        metrics: Metrics besides PSNR and SSIM.
        images: The SR frames to save.
        code: The checksum of the user's modules that define metrics; '' if there are none.
        protocol: The scoring protocol; '' for the default.
    """

    test_set: str
    root: str
    checksum: str
    variant: Variant
    metrics: tuple[str, ...]
    images: Selection
    code: str = ''
    protocol: str = ''

    @property
    def key(self) -> str:
        """The key that its file names contain: ``test_set`` or ``test_set@variant``."""
        name = self.variant.name
        return f'{self.test_set}@{name}' if name else self.test_set

    def to_json(self) -> dict:
        return dict(self._asdict(), variant=self.variant.to_json())

    @classmethod
    def from_json(cls, content: dict) -> 'Evaluation':
        images = {
            video: VideoSelection(length, tuple(frames), Crop(*crop), row)
            for video, (length, frames, crop, row) in content['images'].items()
        }
        variant, metrics = Variant.from_json(content['variant']), tuple(content['metrics'])
        return cls(**{**content, 'variant': variant, 'metrics': metrics, 'images': images})


class Shift(NamedTuple):
    """A translation of the SR frames that would fit the ground truth better.

    Attributes:
        right, down: The translation in HR pixels.
        gain: The gain in Y-PSNR (dB).
        psnr: Y-PSNR (dB) without the translation, over the same pixels; NaN in old records.
    """

    right: float
    down: float
    gain: float
    psnr: float = math.nan

    def __str__(self) -> str:
        more = f'{self.gain:.1f} dB more'
        if not math.isnan(self.psnr):
            more = f'{self.psnr + self.gain:.1f} instead of {self.psnr:.1f} dB'
        return (
            f'moved by {self.right:+g} pixels to the right and {self.down:+g} down, its frames '
            f'would score {more}'
        )


def not_finite_text(count: int) -> str:
    """A warning about the SR frames that :attr:`Record.not_finite` counts."""
    frames = '1 SR frame has' if count == 1 else f'{count} SR frames have'
    return f'{frames} NaN or infinite pixels; NaN is scored as black'


class Record(NamedTuple):
    """The entry of a finished evaluation in ``evaluations.json``; old entries have None for some.

    Attributes:
        checksum: The checksum of the test set.
        sha256: The checksum of the per-frame results.
        bytes: The size of that file.
        iteration: The iteration of the checkpoint; None also if nothing was trained.
        metrics: Metrics besides PSNR and SSIM.
        images: A digest of the selection of saved SR frames.
        code: As in :class:`Evaluation`.
        run: The run id.
        shift: A translation that scores clearly better, if there is one.
        resets: Video -> frames before which a guard has reset the state.
        protocol: The scoring protocol; '' for the default.
        not_finite: The number of SR frames with NaN or infinite pixels.
        bidirectional: Whether the network has a backward branch.
    """

    checksum: str | None = None
    sha256: str | None = None
    bytes: int | None = None
    iteration: int | None = None
    metrics: tuple[str, ...] = ()
    images: str | None = None
    code: str = ''
    run: str = ''
    shift: Shift | None = None
    resets: dict[str, list[int]] | None = None
    protocol: str = ''
    not_finite: int | None = None
    bidirectional: bool | None = None

    @classmethod
    def of(cls, entry: Any) -> 'Record':
        """Parses a JSON entry; in the oldest folders it is the checksum alone.

        Raises:
            InvalidFile: A number or truth value has another type.
        """
        if not isinstance(entry, dict):
            return cls(entry if isinstance(entry, str) else None)
        kinds = dict(bytes=int, iteration=int, not_finite=int, bidirectional=bool)
        for name, kind in kinds.items():
            if type(entry.get(name)) not in (kind, type(None)):
                raise InvalidFile(f'evaluations.json: {name} cannot be {entry[name]!r}')
        metrics = entry.get('metrics')
        known = {name: entry[name] for name in cls._fields if name in entry}
        known['metrics'] = tuple(metrics) if isinstance(metrics, list) else ()
        known['shift'] = _shift(entry.get('shift'))
        return cls(**known)


def _shift(entry: Any) -> Shift | None:
    try:
        return Shift(*map(float, entry))
    except (TypeError, ValueError):
        return None


def read_records(folder: RunFolder) -> dict[str, Record] | None:
    """Finished evaluations by key; None if the folder has no ``evaluations.json``.

    Raises:
        InvalidFile: The file cannot be read.
    """
    if not folder.evaluations_json.is_file():
        return None
    return {key: Record.of(entry) for key, entry in load_json(folder.evaluations_json).items()}


class Unusable(NamedTuple):
    """Why results do not count, and whether the reason is damage."""

    reason: str
    is_damaged: bool = False


def why_unusable(
    folder: RunFolder, key: str, checksum: str, record: Record | None, protocol: str = ''
) -> Unusable | None:
    """Why the results of an evaluation do not count; None if they do.

    The grid, which repeats evaluations that do not count, and the reports both rely on this.

    Args:
        folder: The run's folder.
        key: The evaluation's key.
        checksum: The checksum of the present test set; '' in old grids.
        record: The evaluation's record, if the folder has one.
        protocol: The test set's protocol; '' for the default.
    """
    results = folder.frames_csv(key)
    if record is None or record.checksum is None:
        return Unusable('not evaluated')
    if (of := record.run or folder.run_id) != folder.name:
        return Unusable(f'results of another run, {of}', True)
    if checksum and record.checksum != checksum:
        return Unusable('evaluated on another version of the set')
    if record.protocol != protocol:
        return Unusable(f'scored by protocol {record.protocol or "default"}')
    try:
        size = results.stat().st_size
        if size != (size if record.bytes is None else record.bytes):
            return Unusable(f'{results.name} has {size} of {record.bytes} bytes', True)
        if record.sha256 and sha256(results) != record.sha256:
            return Unusable(f'{results.name} was changed after it was written', True)
    except FileNotFoundError:
        return Unusable('its results are missing')
    return None


def why_missing(folder: RunFolder, evaluations: Iterable[Evaluation]) -> dict[str, str]:
    """Key -> reason for each evaluation whose results are missing or do not count."""
    try:
        records = read_records(folder) or {}
    except InvalidFile:
        records = {}
    found = {e.key: _why_missing(folder, e, records.get(e.key)) for e in evaluations}
    return {key: problem for key, problem in found.items() if problem}


def _why_missing(folder: RunFolder, wanted: Evaluation, record: Record | None) -> str | None:
    if unusable := why_unusable(folder, wanted.key, wanted.checksum, record, wanted.protocol):
        return unusable.reason
    assert record is not None  # otherwise it is unusable
    if absent := [m for m in wanted.metrics if m not in record.metrics]:
        return f'evaluated without {", ".join(absent)}'
    if wanted.code and record.code != wanted.code:
        return "the code of the grid's own metrics has changed"
    if record.images != images_digest(wanted.images):
        return 'other SR frames were saved'
    return None


def record_evaluation(
    folder: RunFolder,
    evaluation: Evaluation,
    iteration: int | None,
    shift: Shift | None = None,
    resets: dict[str, list[int]] | None = None,
    not_finite: int = 0,
    bidirectional: bool | None = None,
) -> None:
    """Records that the files of an evaluation are complete.

    Args:
        folder: The run's folder.
        evaluation: The finished evaluation.
        iteration: The iteration of the checkpoint; None if nothing was trained.
        shift, resets, not_finite, bidirectional: As in :class:`Record`.
    """
    results = folder.frames_csv(evaluation.key)
    record = Record(
        evaluation.checksum,
        sha256(results),
        results.stat().st_size,
        iteration,
        evaluation.metrics,
        images_digest(evaluation.images),
        evaluation.code,
        folder.name,
        shift,
        resets,
        evaluation.protocol,
        not_finite,
        bidirectional,
    )
    path = folder.evaluations_json
    write_json(path, {**read_json(path), evaluation.key: record._asdict()})


def images_digest(images: Selection) -> str:
    """A short digest of a selection."""
    return hashlib.sha256(json.dumps(images, sort_keys=True).encode()).hexdigest()[:16]
