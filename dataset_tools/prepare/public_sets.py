"""The public sets according to the papers' Tables I to III, and how a download differs.

Sizes are (height, width) in pixels; ranges include both ends. Imports only the standard library.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

_Range = tuple[int, int]


@dataclass(frozen=True)
class Shape:
    """Length and size of a video.

    Attributes:
        frames: Number of frames.
        height: In pixels.
        width: In pixels.
    """

    frames: int
    height: int
    width: int


@dataclass(frozen=True)
class PublicSet:
    """The videos that a set should have.

    Attributes:
        title: Its name in the papers.
        count: Number of videos.
        frames: Smallest and largest number of frames of a video.
        heights: Smallest and largest height.
        widths: Smallest and largest width.
        names: Names of the videos; empty if the papers do not name them.
        shapes: Name -> shape, if every video is known exactly.
    """

    title: str
    count: int
    frames: _Range
    heights: _Range
    widths: _Range
    names: tuple[str, ...] = ()
    shapes: dict[str, Shape] = field(default_factory=dict)


def _reds(title: str, names: Iterable[str]) -> PublicSet:
    names = tuple(names)
    return PublicSet(title, len(names), (100, 100), (720, 720), (1280, 1280), names)


REDS4 = ('000', '011', '015', '020')

SETS = {
    # Table III gives widths of 720; the distributed city is 704 wide.
    'vid4': PublicSet(
        'Vid4',
        4,
        (34, 49),
        (480, 576),
        (704, 720),
        ('calendar', 'city', 'foliage', 'walk'),
        {
            'calendar': Shape(41, 576, 720),
            'city': Shape(34, 576, 704),
            'foliage': Shape(49, 480, 720),
            'walk': Shape(47, 480, 720),
        },
    ),
    'reds/train': _reds('REDStrain', (f'{i:03d}' for i in range(240) if f'{i:03d}' not in REDS4)),
    'reds/reds4': _reds('REDS4', REDS4),
    'reds/redsval4': _reds('REDSval4', ('000', '001', '006', '017')),
    'vimeo/train': PublicSet('Vimeo', 278, (120, 120), (360, 1080), (640, 2048)),
    'vimeo/val4': PublicSet('Vimeoval4', 4, (74, 100), (540, 540), (1024, 1024)),
    'ristn-train': PublicSet(
        "RISTN's training videos", 195, (5, 10**9), (1080, 1080), (1920, 1920)
    ),
    'quasi-static': PublicSet(
        'Quasi-Static',
        4,
        (172, 379),
        (360, 540),
        (640, 960),
        ('Sequence1', 'Sequence2', 'Sequence3', 'Sequence4'),
    ),
    # The eleven that papers compare on; with four REDS videos they are the 15 of Composit.
    'spmcs': PublicSet(
        'SPMCS',
        11,
        (31, 31),
        (540, 540),
        (960, 960),
        (
            'car05_001',
            'hdclub_003_001',
            'hitachi_isee5_001',
            'hk004_001',
            'HKVTG_004',
            'jvc_009_001',
            'NYVTG_006',
            'PRVTG_012',
            'RMVTG_011',
            'veni3_011',
            'veni5_015',
        ),
    ),
    'set5': PublicSet(
        'Set5',
        5,
        (1, 1),
        (256, 512),
        (228, 512),
        ('baby', 'bird', 'butterfly', 'head', 'woman'),
        {
            'baby': Shape(1, 512, 512),
            'bird': Shape(1, 288, 288),
            'butterfly': Shape(1, 256, 256),
            'head': Shape(1, 280, 280),
            'woman': Shape(1, 344, 228),
        },
    ),
}


def compare(
    expected: PublicSet, found: dict[str, Shape], surplus: Iterable[str] = ()
) -> tuple[tuple[str, ...], str]:
    """Compares the videos of a download with those that a set should have.

    Args:
        expected: The set.
        found: Name -> shape of every video that is used.
        surplus: Names of the other videos.

    Returns:
        One phrase for each difference; and one for the videos left out, or empty.
    """
    missing = [name for name in expected.names if name not in found]
    faults = []
    if missing:
        faults.append(f'missing {len(missing)} of {expected.count} videos: {runs(missing)}')
    elif not expected.names and len(found) != expected.count:
        faults.append(f'{len(found)} videos instead of {expected.count}')
    for name, shape in found.items():
        faults += _shape_faults(expected, name, shape)
    extra = sorted(surplus)
    left_out = f'{len(extra)} surplus videos left out: {runs(extra)}' if extra else ''
    return (
        tuple(f'{expected.title}: {fault}' for fault in faults),
        f'{expected.title}: {left_out}' if left_out else '',
    )


def runs(names: list[str]) -> str:
    """Lists names; consecutive numbers are written as 001-003."""
    groups: list[list[str]] = []
    for name in names:
        last = groups[-1][-1] if groups else ''
        if last.isdecimal() and name.isdecimal() and int(name) == int(last) + 1:
            groups[-1].append(name)
        else:
            groups.append([name])
    return ', '.join(
        ', '.join(group) if len(group) < 3 else f'{group[0]}-{group[-1]}' for group in groups
    )


def _shape_faults(expected: PublicSet, name: str, shape: Shape) -> list[str]:
    exact = expected.shapes.get(name)
    frames, heights, widths = (
        (expected.frames, expected.heights, expected.widths)
        if exact is None
        else ((size, size) for size in (exact.frames, exact.height, exact.width))
    )
    faults = []
    if not frames[0] <= shape.frames <= frames[1]:
        faults.append(f'{name} has {shape.frames} frames instead of {_span(frames)}')
    if not (heights[0] <= shape.height <= heights[1] and widths[0] <= shape.width <= widths[1]):
        faults.append(
            f'{name} is {shape.width}x{shape.height} instead of {_span(widths)}x{_span(heights)}'
        )
    return faults


def _span(limits: _Range) -> str:
    low, high = limits
    return str(low) if low == high else f'{low}-{high}'
