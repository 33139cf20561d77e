"""Scores the ``external_results`` of a grid file, which become rows of the grid.

``external/<key>/`` in the grid's work directory contains ``frames_<set>.csv`` as for a run, but
without times, or ``videos_<set>.csv`` for a result card (see :mod:`harness.runs.card`), and
``external.json`` with the label, the protocol and the source of the results.
"""

import hashlib
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from dataset_tools.manifest import VideoSet
from dataset_tools.names import name_problem
from harness.errors import UserError, fail
from harness.evaluation.frames_csv import missing_metrics, write_frames
from harness.evaluation.protocols import DEFAULT, PROTOCOLS
from harness.evaluation.score import count_frames, pair_videos, score
from harness.evaluation.scorer import BASIC_METRICS, needs_gt
from harness.grid.evaluation import EvaluationSettings, External
from harness.runs.card import read_card
from harness.runs.files import read_json, write_json


def score_external(work_dir: Path, evaluation: EvaluationSettings) -> None:
    """Scores all results that are new or have changed since they were scored.

    Raises:
        UserError: Results do not fit their test set; the message names the entry.
        DatasetError: A frame cannot be read.
    """
    for key, entry in evaluation.external.items():
        folder = work_dir / 'external' / key
        done = read_json(folder / 'external.json').get('results', {})
        results = {}
        for name, path in entry.results.items():
            of_card = path.suffix.lower() == '.json'
            output, other = (folder / f'{kind}_{name}.csv' for kind in ('frames', 'videos'))
            output, other = (other, output) if of_card else (output, other)
            test_set = evaluation.test_sets[name]
            protocol = entry.protocol or evaluation.protocols.get(name)
            results[name] = _describe(path, test_set, protocol, evaluation)
            if done.get(name) != results[name] or not output.is_file():
                try:
                    make = _read_card if of_card else _table
                    write_frames(make(path, test_set, entry, results[name]), output)
                    other.unlink(missing_ok=True)
                except UserError as error:
                    raise UserError(f'external_results.{key}.results.{name}: {error}') from error
        for name in done.keys() - results.keys():
            if name_problem(name):  # this program did not write it
                continue
            for kind in ('frames', 'videos'):
                (folder / f'{kind}_{name}.csv').unlink(missing_ok=True)
        content = dict(label=entry.label, protocol=entry.protocol, results=results)
        if any(result.get('kind') == 'reported' for result in results.values()):
            content['kind'] = 'reported'
        write_json(folder / 'external.json', content)


def _describe(
    path: Path, test_set: VideoSet, protocol: str | None, evaluation: EvaluationSettings
) -> dict:
    """Where results come from, and everything else that their scores depend on."""
    files = [path] if path.is_file() else sorted(f for f in path.rglob('*') if f.is_file())
    state = [(str(f.relative_to(path)), f.stat().st_size, f.stat().st_mtime_ns) for f in files]
    return dict(
        source=str(path),
        files=hashlib.sha256(repr(state).encode()).hexdigest(),
        test_set=test_set.checksum,
        protocol=protocol,
        metrics=list(evaluation.metrics),
        **({'kind': read_card(path).kind} if path.suffix.lower() == '.json' else {}),
        **({'code': evaluation.code} if evaluation.code else {}),
    )


def _table(path: Path, test_set: VideoSet, entry: External, how: dict) -> pd.DataFrame:
    if path.suffix.lower() == '.csv':
        return _read_scores(path, test_set)
    protocol, metrics, kind = PROTOCOLS[how['protocol'] or DEFAULT.name], how['metrics'], 'gt'
    if protocol.against_lr:
        metrics, kind = [name for name in metrics if not needs_gt(name)], test_set.lr_kinds[0]
    pairs = pair_videos(test_set.root, path, kind)
    with tqdm(total=count_frames(pairs, protocol), desc=entry.label, disable=None) as bar:
        return score(pairs, protocol, metrics, bar.update, kind)


def _read_card(path: Path, test_set: VideoSet, entry: External, how: dict) -> pd.DataFrame:
    """A row per video of the card's test set with the same checksum, or else the same videos."""
    sets = read_card(path).test_sets
    same = [s for s in sets.values() if s.checksum == test_set.checksum]
    same += [s for s in sets.values() if not s.checksum and set(s.videos) == set(test_set.videos)]
    if not same:
        fail(
            f'{path}: has no test set with the videos of {test_set.root} in the same version; '
            f'it has {", ".join(sets) or "none"}'
        )
    theirs, ours = same[0].protocol or DEFAULT.name, how['protocol'] or DEFAULT.name
    if theirs != ours:
        fail(f'{path}: is scored by protocol {theirs}, but the grid uses {ours}')
    return pd.DataFrame([{'video': video} | row for video, row in same[0].videos.items()])


def _read_scores(path: Path, test_set: VideoSet) -> pd.DataFrame:
    """Reads external per-frame scores; frames may be absent, but not videos."""
    absent = missing_metrics(path, ('video', 'frame', *BASIC_METRICS))
    if absent:
        fail(f'{path}: no column {", ".join(absent)}')
    # a converter, so that a video named 'NA' is not read as missing
    table = pd.read_csv(path, converters={'video': str}, encoding='utf-8-sig')
    found, wanted = set(table.video), set(test_set.videos)
    if found != wanted:
        fail(f'{path}: videos {", ".join(sorted(found ^ wanted))} are only here or only in the set')
    for video, frames in table.groupby('video').frame:
        count = test_set.videos[video].frames
        if frames.duplicated().any() or not frames.between(0, count - 1).all():
            fail(f'{path}: frames of {video} must be unique and from 0 to {count - 1}')
    return table
