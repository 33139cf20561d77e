"""``grid.json`` of a work directory: what the reports need to know of a grid, in display order."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from dataset_tools.manifest import VideoSet
from harness.runs.evaluations import Variant
from harness.runs.files import InvalidFile, load_json, write_json
from harness.runs.text import clean
from harness.strategies import STRATEGIES, Strategy

# What each run of the grid must say, and of which types.
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
    """One test set, or the same of a training set.

    Attributes:
        label: as it is displayed, with the protocol of its scores if that is not the default.
        videos: video -> number of frames.
        sizes: video -> HR size (height, width) in pixels; empty in old grids.
        paper: its name in the papers' tables, if the grid file gives one.
        checksum: what evaluations must have been made on; empty in old grids.
        protocol: of the scores; '' for the default one.
        made_by: ``tool`` and ``parameters`` of its manifest; empty in old grids.
    """

    __test__ = False  # the name starts with "Test", but it is no test case for pytest

    label: str
    videos: dict[str, int]
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    paper: str = ''
    checksum: str = ''
    protocol: str = ''
    made_by: dict = field(default_factory=dict)


@dataclass(frozen=True)
class GridRecord:
    """What ``grid.json`` says of a grid; every mapping keeps display order.

    Attributes:
        networks: network -> label; ``external/<key>`` for results from elsewhere.
        train_sets: training set -> label.
        train_videos: training set -> its videos, where the grid has recorded them.
        runs: axes and identity of each run, and of each result from elsewhere.
        variants: run -> how it is evaluated, the plain variant always among them.
        papers: network -> its name in the papers' tables, where the grid file gives one.
        lr_kinds: network -> the LR frames that it works on.
        strategies: all that runs have been trained by or could have been, in display order.
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
        """What it says of these runs and their networks."""
        runs = [run for run in self.runs if run['run_id'] in run_ids]
        networks = {run['network'] for run in runs}
        return replace(
            self,
            runs=runs,
            variants={key: found for key, found in self.variants.items() if key in run_ids},
            **{
                name: {key: x for key, x in getattr(self, name).items() if key in networks}
                for name in ('networks', 'papers', 'lr_kinds')
            },
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
        work_dir: of the grid.
        name: of the grid.
        networks, external: key -> :func:`network_entry`.
        train_sets, test_sets: key -> :func:`set_entry`.
        strategies: those that runs are trained by.
        runs: ``Run.record()`` of each.
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
    """A network, or results from elsewhere; ``paper`` is its name in the papers' tables."""
    entry = dict(label=label, paper=paper, lr_kind=lr_kind)
    return {key: value for key, value in entry.items() if value is not None}


def set_entry(video_set: VideoSet, label: str, paper: str | None, protocol: str = '') -> dict:
    """A set: its names, and of each video the frames and the HR size (height, width).

    ``protocol`` is that of its scores, '' for the default.
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
    """How a set was made, for figures of what a parameter of its videos does."""
    manifest = video_set.manifest
    return {key: manifest[key] for key in ('tool', 'parameters') if key in manifest}


def read_grid_record(work_dir: Path) -> GridRecord:
    """Reads ``grid.json``; its texts are cleaned.

    Raises:
        InvalidFile: there is no such file, or it does not say what a grid must say.
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
    """This project's strategies and, after them, the grid's own, as far as reports use them."""
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
    """Adds its key to each label that several have: readers must not take them for one."""
    count = Counter(labels.values())
    return {k: f'{label} ({k})' if count[label] > 1 else label for k, label in labels.items()}


def _label(entry: dict) -> str:
    label = entry['label']
    if not isinstance(label, (str, int, float)):
        raise TypeError(f'label {label!r} is no text')
    return str(label)


_SET_TEXTS = ('paper', 'checksum', 'protocol')


def _parse_sets(entries: dict[str, dict]) -> dict[str, TestSet]:
    labels = _told_apart({key: _set_label(entry) for key, entry in entries.items()})
    return {key: _parse_set(entry, labels[key]) for key, entry in entries.items()}


def _set_label(entry: dict) -> str:
    protocol = entry.get('protocol')
    return _label(entry) + (f' ({protocol} protocol)' if protocol else '')


def _parse_set(entry: dict, label: str) -> TestSet:
    return TestSet(
        label=label,
        videos=_parse_videos(entry['videos']),
        sizes={video: tuple(size) for video, size in entry.get('sizes', {}).items()},
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
    """What is wrong with a run; '' if nothing is."""
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
