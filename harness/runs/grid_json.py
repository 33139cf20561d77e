"""``grid.json`` of a work directory: what reports need to know about a grid, in display order."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from dataset_tools.manifest import VideoSet
from harness.runs.evaluations import Variant
from harness.runs.files import InvalidFile, load_json, write_json
from harness.runs.text import clean
from harness.strategies import STRATEGIES, Strategy

# The mandatory entries of each run, and their types.
RUN_FIELDS = {
    'run_id': (str,),
    'network': (str,),
    'strategy': (str, type(None)),
    'fc': (bool,),
    'repeats': (int, type(None)),
    'train_set': (str, type(None)),
    'seed': (int,),
    'iterations': (int,),
}


#: the main way to evaluate a run
PLAIN = Variant()


@dataclass(frozen=True)
class TestSet:
    """A test set; training sets are described in the same way.

    Attributes:
        label: Its name for display, with the scoring protocol if that is not the default.
        videos: Video -> number of frames.
        sizes: Video -> HR size (height, width) in pixels; empty in old grids.
        paper: Its name in the papers' tables, if the grid file gives one.
        checksum: The checksum that evaluations must have been made on; empty in old grids.
        protocol: The scoring protocol; '' for the default.
        made_by: ``tool`` and ``parameters`` of its manifest; empty in old grids.
    """

    __test__ = False  # the name starts with "Test", but it is not a test case for pytest

    label: str
    videos: dict[str, int]
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    paper: str = ''
    checksum: str = ''
    protocol: str = ''
    made_by: dict = field(default_factory=dict)


@dataclass(frozen=True)
class GridRecord:
    """The content of ``grid.json``; every mapping keeps display order.

    Attributes:
        networks: Network -> label; ``external/<key>`` for external results.
        train_sets: Training set -> label.
        train_videos: Training set -> its videos, if the grid has recorded them.
        runs: Axes and identity of each run, and of each external result.
        variants: Run -> its variants, which always include the plain one.
        papers: Network -> its name in the papers' tables, if the grid file gives one.
        lr_kinds: Network -> the kind of LR frames that it takes.
        strategies: All strategies, used by a run or not.
    """

    name: str
    networks: dict[str, str]
    train_sets: dict[str, str]
    test_sets: dict[str, TestSet]
    runs: list[dict]
    variants: dict[str, list[Variant]]
    train_videos: dict[str, TestSet] = field(default_factory=dict)
    papers: dict[str, str] = field(default_factory=dict)
    lr_kinds: dict[str, str] = field(default_factory=dict)
    strategies: dict[str, Strategy] = field(default_factory=lambda: dict(STRATEGIES))

    def part(self, run_ids: Collection[str]) -> 'GridRecord':
        """The record of only these runs and their networks."""
        runs = [run for run in self.runs if run['run_id'] in run_ids]
        networks = {run['network'] for run in runs}

        def of_networks(entries: dict[str, str]) -> dict[str, str]:
            return {key: entry for key, entry in entries.items() if key in networks}

        return replace(
            self,
            runs=runs,
            variants={key: found for key, found in self.variants.items() if key in run_ids},
            networks=of_networks(self.networks),
            papers=of_networks(self.papers),
            lr_kinds=of_networks(self.lr_kinds),
        )


def write_grid_record(
    work_dir: Path,
    name: str,
    networks: Mapping[str, dict],
    train_sets: Mapping[str, dict],
    test_sets: Mapping[str, dict],
    external: Mapping[str, dict],
    strategies: Iterable[Strategy],
    runs: Iterable[dict],
) -> None:
    """Writes ``grid.json``.

    Args:
        work_dir: The grid's work directory.
        name: The grid's name.
        networks, external: Key -> :func:`network_entry`.
        train_sets, test_sets: Key -> :func:`set_entry`.
        strategies: The strategies of the runs.
        runs: ``Run.record()`` of each run.
    """
    content = dict(
        name=name,
        networks=dict(networks),
        train_sets=dict(train_sets),
        test_sets=dict(test_sets),
        external=dict(external),
        strategies={strategy.name: strategy.record() for strategy in strategies},
        runs=list(runs),
    )
    work_dir.mkdir(parents=True, exist_ok=True)
    write_json(work_dir / 'grid.json', content)


def network_entry(label: str, paper: str | None, lr_kind: str | None = None) -> dict:
    """The entry of a network or an external result; ``paper``: its name in the papers' tables."""
    entry = dict(label=label, paper=paper, lr_kind=lr_kind)
    return {key: value for key, value in entry.items() if value is not None}


def set_entry(video_set: VideoSet, label: str, paper: str | None, protocol: str = '') -> dict:
    """The entry of a set: its names, and the frame count and HR size (height, width) of each video.

    ``protocol`` is the scoring protocol; '' for the default.
    """
    videos = video_set.videos.values()
    return dict(
        label=label,
        **({} if paper is None else {'paper': paper}),
        **({'protocol': protocol} if protocol else {}),
        checksum=video_set.checksum,
        videos={video.name: video.frames for video in videos},
        sizes={video.name: video.hr_size for video in videos},
    )


def made_by(video_set: VideoSet) -> dict:
    """How a set was made, for figures that plot scores over a parameter of its videos."""
    manifest = video_set.manifest
    return {key: manifest[key] for key in ('tool', 'parameters') if key in manifest}


def read_grid_record(work_dir: Path) -> GridRecord:
    """Reads ``grid.json`` and cleans its texts (see :func:`harness.runs.text.clean`).

    Raises:
        InvalidFile: There is no such file, or entries are missing or malformed.
    """
    path = work_dir / 'grid.json'
    if not path.is_file():
        raise InvalidFile(
            f'{path} does not exist: {work_dir} is not the work directory of a grid '
            '(expected something like work_dirs/quickstart)'
        )
    try:
        record = _parse_grid(clean(load_json(path)))
    except InvalidFile as error:
        raise InvalidFile(f'{work_dir}: {clean(str(error))}') from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidFile(f'{path}: missing or malformed entry: {error}') from None
    _check_references(record, path)
    return record


def _parse_grid(raw: dict) -> GridRecord:
    external = {f'external/{key}': entry for key, entry in raw.get('external', {}).items()}
    networks = {**raw['networks'], **external}
    return GridRecord(
        name=str(raw['name']),
        networks=_labels(networks),
        train_sets=_labels(raw['train_sets']),
        test_sets=_parse_sets(raw['test_sets']),
        runs=[*raw['runs'], *map(_external_run, external)],
        variants={run.get('run_id'): _parse_variants(run) for run in raw['runs']}
        | {key: [PLAIN] for key in external},
        train_videos=_parse_sets(
            {key: entry for key, entry in raw['train_sets'].items() if 'videos' in entry}
        ),
        papers={key: str(entry['paper']) for key, entry in networks.items() if entry.get('paper')},
        lr_kinds={key: entry.get('lr_kind', 'lr_bd') for key, entry in raw['networks'].items()},
        strategies=_parse_strategies(raw.get('strategies', {})),
    )


def _parse_strategies(entries: dict) -> dict[str, Strategy]:
    """This project's strategies, then the grid's own with what the reports need of them."""
    own = {name: entry for name, entry in entries.items() if name not in STRATEGIES}
    labels = _labels({name: dict(label=row.label) for name, row in STRATEGIES.items()} | own)
    project = {name: row._replace(label=labels[name]) for name, row in STRATEGIES.items()}
    return project | {
        name: Strategy(
            name,
            {},
            False,
            labels[name],
            (str(entry.get('color', '')),) * 2,
            (str(entry.get('marker', '')),) * 2,
        )
        for name, entry in own.items()
    }


def _parse_variants(run: dict) -> list[Variant]:
    return [*map(Variant.from_json, run.get('variants', [PLAIN.to_json()]))]


def _labels(entries: dict[str, dict]) -> dict[str, str]:
    return _told_apart({key: _label(entry) for key, entry in entries.items()})


def _told_apart(labels: dict[str, str]) -> dict[str, str]:
    """Adds the key to labels that are not unique, so that readers can tell them apart."""
    count = Counter(labels.values())
    return {k: f'{label} ({k})' if count[label] > 1 else label for k, label in labels.items()}


def _label(entry: dict) -> str:
    label = entry['label']
    if not isinstance(label, (str, int, float)):
        raise TypeError(f'label {label!r} is not a text')
    return str(label)


_SET_TEXTS = ('paper', 'checksum', 'protocol')


def _parse_sets(entries: dict[str, dict]) -> dict[str, TestSet]:
    labels = _told_apart({key: _set_label(entry) for key, entry in entries.items()})
    return {key: _parse_set(entry, labels[key]) for key, entry in entries.items()}


def _set_label(entry: dict) -> str:
    protocol = entry.get('protocol')
    return _label(entry) + (f' ({protocol} protocol)' if protocol else '')


def _parse_set(entry: dict, label: str) -> TestSet:
    sizes = entry.get('sizes', {})
    return TestSet(
        label=label,
        videos=_parse_videos(entry['videos']),
        sizes={video: (height, width) for video, (height, width) in sizes.items()},
        **{name: str(entry[name]) for name in _SET_TEXTS if entry.get(name)},
        made_by=dict(entry.get('made_by', {})),
    )


def _parse_videos(entry: dict) -> dict[str, int]:
    for video, frames in entry.items():
        if not _is_count(frames):
            raise TypeError(f'video {video} cannot have {frames!r} frames')
    return entry


def _external_run(network: str) -> dict:
    axes = {'strategy': None, 'fc': False, 'repeats': None, 'train_set': '', 'seed': 0}
    return {'run_id': network, 'network': network, **axes, 'iterations': 0}


def _check_references(record: GridRecord, path: Path) -> None:
    if not record.runs or not record.test_sets:
        raise InvalidFile(f'{path}: the grid has no runs or names no test sets')
    for key, test_set in record.test_sets.items():
        if not test_set.videos:
            raise InvalidFile(f'{path}: test set {key} has no videos')
    for run in record.runs:
        wrong = _wrong_in(run, record)
        if wrong:
            raise InvalidFile(f'{path}: run {run.get("run_id")}: {wrong}')
    if len(record.variants) < len(record.runs):
        raise InvalidFile(f'{path}: two runs have the same run_id')


def _wrong_in(run: dict, record: GridRecord) -> str:
    """What is wrong with a run's entry; '' if nothing is."""
    absent = sorted(set(RUN_FIELDS) - set(run))
    if absent:
        return f'no entry {", ".join(absent)}'
    for name, kinds in RUN_FIELDS.items():
        if type(run[name]) not in kinds:
            return f'{name} cannot be {run[name]!r}'
    options = run.get('options', {})
    if not isinstance(options, dict) or not all(map(_is_plain, options.values())):
        return f'options cannot be {options!r}'
    known = {'network': record.networks, 'strategy': (None, *record.strategies)}
    if run['strategy'] is not None:
        known['train_set'] = record.train_sets
    for axis, names in known.items():
        if run[axis] not in names:
            return f'unknown {axis} {run[axis]!r}'
    variants = record.variants[run['run_id']]
    if PLAIN not in variants:
        return 'the plain variant is missing'
    return 'two variants have the same name' if len(set(variants)) < len(variants) else ''


def _is_plain(value: object) -> bool:
    return isinstance(value, (bool, int, float, str, type(None)))


def _is_count(number: object) -> bool:
    return type(number) is int and number > 0
