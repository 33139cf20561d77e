"""The ``sample`` tool: small training and test sets of real frames, with nothing to download.

See :mod:`dataset_tools.sample.plan` for what goes where. Heavy imports wait until a set is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dataset_tools.manifest import VideoSet, find_existing
from dataset_tools.sample.plan import SETS


def make_sample(output_root: str | Path) -> Iterator[tuple[VideoSet, bool]]:
    """Makes the sample sets, one each time the iterator is advanced.

    Args:
        output_root: Folder for the sets ``train``, ``moving``, ``static``, ``sliding_window``,
            ``gamma`` and ``composit``.

    Yields:
        Each set when it is whole, and whether it was made now (False: already there).

    Raises:
        DatasetError: Clips or photographs are not installed, or a folder holds something else.
    """
    for name in SETS:
        yield _make_set(name, Path(output_root) / name)


def _make_set(name: str, root: Path) -> tuple[VideoSet, bool]:
    items = SETS[name]
    plan = {
        'tool': 'sample',
        'parameters': {
            'set': name,
            'videos': {i.name: {'tool': i.tool, 'frames': i.frames, **i.parameters} for i in items},
        },
        'source': {item.name: item.origin.describe() for item in items},
    }
    found = find_existing(root, **plan)
    if found is not None:
        return found, False

    from dataset_tools.sample.frames import item_frames
    from dataset_tools.writer import build_set

    total = sum(item.frames for item in items)
    return build_set(
        root, **plan, total=total, videos=((item.name, item_frames(item)) for item in items)
    )
