"""A result card for each method (see :mod:`harness.runs.card`)."""

import re
from pathlib import Path

from harness.runs.card import Card, CardSet, write_card
from reports.methods import Method
from reports.reading.video_scores import OF_VIDEOS
from reports.results import GridResults


def write_cards(grid: GridResults, folder: Path) -> Path:
    """Writes a card for each method that was evaluated here, and removes all others.

    Returns:
        The folder.
    """
    names: dict[str, int] = {}
    written = set()
    for method in grid.methods:
        card = card_of(grid, method)
        if not card.test_sets or method.network.startswith('external/'):
            continue
        name = re.sub(r'[^\w.=-]+', '_', '_'.join(filter(None, [method.train_set, method.name])))
        names[name] = names.get(name, 0) + 1
        suffix = f'-{names[name]}' if names[name] > 1 else ''
        written.add(write_card(card, folder / f'{name[:150]}{suffix}.json'))
    for old in set(folder.glob('*.json')) - written:
        old.unlink()
    folder.mkdir(exist_ok=True)
    return folder


def card_of(grid: GridResults, method: Method) -> Card:
    """Returns the card of a method, with the test sets that all its seeds have finished."""
    record = grid.record
    runs = grid.runs[grid.runs['run_id'].isin(grid.trials_of(method))]
    settings = {
        'network': record.networks[method.network],
        'strategy': method.strategy_label,
        'evaluation': method.variant_label,
        'train_set': record.train_sets.get(method.train_set, ''),
        'iterations': sorted({int(count) for count in runs['iterations']}),
        'lr_kind': record.lr_kinds.get(method.network, ''),
        'grid': record.name,
        'runs': list(runs['run_id']),
    }
    sets = {
        key: _of_set(grid, method, key)
        for key in record.test_sets
        if grid.cell(method, key)['status'] == 'done'
    }
    return Card(method.name, 'measured', '', sets, settings)


def _of_set(grid: GridResults, method: Method, key: str) -> CardSet:
    trials = grid.trials_of(method)
    mine = grid.videos['trial_id'].isin(trials) & (grid.videos['test_set'] == key)
    columns = ['frames', *OF_VIDEOS, *grid.quantities]
    means = grid.videos[mine].groupby('video', sort=False)[columns].mean()
    videos = {
        video: {name: round(float(value), 6) for name, value in row.dropna().items()}
        for video, row in means.iterrows()
    }
    test_set = grid.record.test_sets[key]
    return CardSet(videos, test_set.checksum, test_set.protocol, test_set.label, len(trials))
