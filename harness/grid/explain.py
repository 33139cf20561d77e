"""What a run is, and why it is up to date or not."""

import fnmatch
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.errors import fail
from harness.files import read_json

from .expand import Run, run_folder
from .identity import RESULTS_VERSION, differences, digest
from .launch import describe
from .ledger import read_failures
from .overview import Survey


def explain(pattern: str, surveys: Sequence[Survey], work_dir: Path) -> str:
    """The explanation of every run whose id matches.

    Raises:
        UserError: none does.
    """
    found = [s for s in surveys if fnmatch.fnmatch(s.run.run_id, f'*{pattern}*')]
    if not found:
        fail(f'no run of the grid matches {pattern}; --status lists them')
    planned = {s.run.run_id for s in surveys}
    return '\n\n'.join('\n'.join(_lines(s, work_dir, planned)) for s in found)


def _lines(survey: Survey, work_dir: Path, planned: set[str]) -> Iterator[str]:
    run, status = survey
    folder = run_folder(work_dir, run)
    yield run.run_id
    yield f'  folder    {folder}'
    axes = run.axes._asdict() if run.is_trained else dict(network=run.axes.network)
    yield '  axes      ' + ', '.join(f'{k}={v}' for k, v in axes.items() if v is not None)
    yield (
        f'  identity  {digest(run.identity)}: config without what cannot change results'
        f'{", training set " + run.identity["train_set"][:12] if run.is_trained else ""}, '
        f'results_version {RESULTS_VERSION}'
    )
    yield f'  status    {describe(status)}'
    if versions := read_json(folder / 'run.json').get('versions'):
        yield f'  made by   commit {versions.get("commit", "unknown")}, torch {versions["torch"]}'
    if status.status == 'DONE':
        yield f'  results   all {len(run.variants)} variant(s) of all test sets are up to date'
    yield from (f'  missing   {key}: {why}' for key, why in status.missing.items())
    yield from (
        f'  failure   {f["when"]}: {f["reason"]}\n'
        + '\n'.join(f'            | {line}' for line in f.get('log_tail', ()))
        for f in read_failures(folder)[-1:]
    )
    if status.status != 'DONE':
        yield from _relatives(run, work_dir, planned)


def _relatives(run: Run, work_dir: Path, planned: set[str]) -> Iterator[str]:
    """Run folders of the same axes that the grid no longer has, and what differs."""
    stem = run.run_id.rpartition('-')[0]
    for folder in sorted((work_dir / 'runs').glob(f'{stem}-*')):
        if folder.name.rpartition('-')[0] == stem and folder.name not in planned:
            before = read_json(folder / 'run.json').get('identity')
            if before:
                yield f'  before    {folder.name}, which differs in'
                yield from (f'            {line}' for line in differences(before, run.identity))
