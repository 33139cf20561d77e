"""Subcommand ``prepare``: makes sets from public data as downloaded; it downloads nothing."""

from __future__ import annotations

import argparse
from pathlib import Path

from dataset_tools.commands.shared import Tools, add_kind, add_output, add_tool, positive, report

_SUMMARIES = {
    'vid4': ('Vid4: calendar, city, foliage, walk', 'downloads/vid4.zip --output data/vid4'),
    'reds': (
        'REDS: train, reds4 and redsval4 from train_sharp and val_sharp',
        'train_sharp.zip val_sharp.zip --static-copies --output data/reds',
    ),
    'vimeo': (
        "FRVSR's and TecoGAN's collection: train (clips of 120 frames) and val4",
        'downloads/teco --validation scene_2251 scene_2252 --output data/vimeo',
    ),
    'ristn-train': (
        "RISTN's training set: 1080p videos halved and cut into 5-frame sequences",
        'downloads/1080p --sequences 500 --kind bi --output data/ristn_train',
    ),
    'quasi-static': (
        "MRVSR's Quasi-Static Video Set: Sequence1 to Sequence4",
        'downloads/QuasiStaticVideoSet.zip --output data/quasi_static',
    ),
    'spmcs': (
        'SPMCS: the eleven videos that papers compare on',
        'downloads/SPMCS.tar --output data/spmcs',
    ),
    'set5': ('Set5: five images as videos of one frame', 'downloads/Set5 --output data/set5'),
    'images': (
        'any images as videos of one frame, e.g. 50,000 of ImageNet',
        'ILSVRC2012/train --count 50000 --least 120 --kind bi --output data/imagenet',
    ),
    'folder': (
        'any folders of numbered images, e.g. the septuplets of Vimeo-90K',
        'vimeo_septuplet/sequences --output data/vimeo90k',
    ),
    'video': ('any video files (mp4, mkv, y4m, GIF, ...)', 'a.mp4 b.gif --output data/mine'),
}

_CHECKED = set(_SUMMARIES) - {'images', 'folder'}


def add_parser(tools: Tools) -> None:
    """Adds the subcommand and its own subcommands, one for each public set."""
    tool = add_tool(
        tools,
        'prepare',
        _run,
        'make sets from public data as downloaded',
        'vid4 downloads/vid4.zip --output data/vid4',
    )
    sets = tool.add_subparsers(title='sets', metavar='SET', dest='set', required=True)
    for name, (summary, example) in _SUMMARIES.items():
        _add_set(sets, name, summary, example)


def _add_set(sets: Tools, name: str, summary: str, example: str) -> None:
    tool = add_tool(sets, name, _run, summary, '')
    tool.epilog = f'example:\n  python -m dataset_tools prepare {name} {example}'
    tool.add_argument(
        'source', type=Path, nargs='+', help='folder, archive (zip, tar) or video as downloaded'
    )
    add_output(tool)
    add_kind(tool)
    if name in _CHECKED:
        tool.add_argument(
            '--allow-partial',
            action='store_true',
            help="continue even if something is missing or differs from the papers' tables, or a "
            'video file is truncated or damaged: then its frames before the damage are used',
        )
    if name in ('folder', 'video'):
        tool.add_argument(
            '--as-lr',
            action='store_true',
            help='the frames are LR frames and there is no ground truth; --kind says which kind '
            'they are closest to',
        )
    if name == 'vimeo':
        tool.add_argument(
            '--validation',
            nargs='+',
            default=[],
            metavar='VIDEO',
            help='the videos of val4, left out of train (the paper has four but does not name '
            'them)',
        )
    if name in ('reds', 'vimeo'):
        tool.add_argument(
            '--static-copies',
            action='store_true',
            help='add the first frame of every validation video as a still, as the paper does',
        )
    if name == 'ristn-train':
        tool.add_argument(
            '--sequences', type=positive, default=5800, help='how many to draw (default: 5800)'
        )
    if name == 'images':
        tool.add_argument('--count', type=positive, help='how many to draw (default: all)')
        tool.add_argument(
            '--least',
            type=positive,
            default=1,
            help='skip images with a side shorter than this many HR pixels, such as the training '
            'crop',
        )


def _run(options: argparse.Namespace) -> int:
    from dataset_tools.prepare.sets import prepare

    known = vars(options)
    names = ('as_lr', 'validation', 'static_copies', 'sequences', 'count', 'least')
    extra = {key: known[key] for key in names if key in known}
    made = prepare(
        options.set,
        options.source,
        options.output,
        kinds=options.kind,
        allow_partial=known.get('allow_partial', False),
        jobs=options.jobs,
        **extra,
    )
    for result in made:
        if isinstance(result, str):
            print(f'note: {result}', flush=True)
        else:
            report([result])
    return 0
