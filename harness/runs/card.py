"""Result cards: a method's scores on each video, in one JSON file for exchange.

A report writes one per method, and ``external_results`` of a grid file reads them, so that two labs
can put their grids into one table::

    {"format": "vsr-stability result card", "version": 1,
     "method": "FRVSR w/ PI (R=8)", "source": {"kind": "measured", "by": ""},
     "settings": {...},
     "test_sets": {"vid4": {"label": "Vid4", "checksum": "...", "protocol": "", "seeds": 3,
                            "videos": {"walk": {"frames": 47, "psnr_y": 28.1, "ssim_y": 0.87}}}}}

``kind`` is ``measured`` for scores computed from frames and ``reported`` for those printed in a
paper; ``by`` names who did so. Numbers are means over frames and then over seeds of the columns of
``videos.csv``; ``psnr_y`` is mandatory. ``protocol`` is '' for the default. ``checksum`` is the
set's, or '' if unknown. ``settings`` is for human readers.
"""

import math
from pathlib import Path
from typing import NamedTuple

from dataset_tools.names import name_problem
from harness.runs.files import InvalidFile, load_json, write_json
from harness.runs.text import clean

FORMAT = 'vsr-stability result card'
KINDS = ('measured', 'reported')


class CardSet(NamedTuple):
    """A method's scores on one test set; ``videos`` maps video -> quantity -> number."""

    videos: dict[str, dict[str, float]]
    checksum: str = ''
    protocol: str = ''
    label: str = ''
    seeds: int = 1


class Card(NamedTuple):
    """A result card."""

    method: str
    kind: str
    by: str
    test_sets: dict[str, CardSet]
    settings: dict


def write_card(card: Card, path: Path) -> Path:
    """Writes a card; returns its path."""
    content = dict(
        format=FORMAT,
        version=1,
        method=card.method,
        source=dict(kind=card.kind, by=card.by),
        settings=card.settings,
        test_sets={key: test_set._asdict() for key, test_set in card.test_sets.items()},
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, content)
    return path


def read_card(path: Path) -> Card:
    """Reads a card and cleans its texts (see :func:`harness.runs.text.clean`).

    Raises:
        InvalidFile: It is not a valid card; the message says what is wrong.
    """
    try:
        raw = clean(load_json(path))
        if (raw.get('format'), raw.get('version')) != (FORMAT, 1):
            raise InvalidFile(f'is not a result card (its format is not {FORMAT!r}, version 1)')
        source = raw['source']
        if source['kind'] not in KINDS:
            raise InvalidFile(f'source.kind: must be {" or ".join(KINDS)}')
        sets = {key: _read_set(key, entry) for key, entry in raw['test_sets'].items()}
        settings = dict(raw.get('settings', {}))
        return Card(str(raw['method']), source['kind'], str(source['by']), sets, settings)
    except InvalidFile as error:
        raise InvalidFile(f'{path}: {error}') from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidFile(f'{path}: missing or malformed entry: {error}') from None


def _read_set(key: str, entry: dict) -> CardSet:
    videos = {video: _numbers(f'{key}: {video}', row) for video, row in entry['videos'].items()}
    if problem := next(filter(None, map(name_problem, videos)), None):
        raise InvalidFile(f'{key}: {problem}')
    texts = {name: str(entry.get(name) or '') for name in ('checksum', 'protocol', 'label')}
    return CardSet(videos, seeds=int(entry.get('seeds', 1)), **texts)


def _numbers(where: str, row: dict) -> dict[str, float]:
    for name, value in row.items():
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not is_number or not math.isfinite(value):
            raise InvalidFile(f'{where}: {name} cannot be {value!r}')
    if not 0 <= row.get('psnr_y', -1) <= 100:
        raise InvalidFile(f'{where}: needs psnr_y, from 0 to 100 dB')
    if not -1 <= row.get('ssim_y', 0) <= 1:
        raise InvalidFile(f'{where}: ssim_y cannot be {row["ssim_y"]!r}')
    return {name: float(value) for name, value in row.items()}
