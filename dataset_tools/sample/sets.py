"""The ``sample`` tool: small training and test sets of real frames, with nothing to download.

See :mod:`dataset_tools.sample.plan` for what goes where. Heavy imports wait until a set is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dataset_tools.manifest import VideoSet, find_existing
from dataset_tools.sample.plan import PLANS


def make_sample(
    output_root: str | Path, plan: str = 'quickstart'
) -> Iterator[tuple[VideoSet, bool]]:
    """Makes the sample sets, one per step of the iterator.

    Args:
        output_root: Folder for the sets: ``train`` (not in all plans), ``moving``, ``static``,
            ``sliding_window``, ``gamma`` and ``composit``.
        plan: One of ``PLANS``.

    Yields:
        Each set when it is complete, and whether it was made now (False: it was there already).

    Raises:
        DatasetError: Clips or photographs are not installed, or a folder holds something else.
    """
    for name in PLANS[plan].sets:
        yield _make_set(plan, name, Path(output_root) / name)


def _make_set(plan: str, name: str, root: Path) -> tuple[VideoSet, bool]:
    items = PLANS[plan].sets[name]
    lr_kinds = tuple(f'lr_{kind}' for kind in PLANS[plan].degradations)
    described: dict[str, Any] = {
        'tool': 'sample',
        'parameters': {
            'set': name,
            'videos': {i.name: {'tool': i.tool, 'frames': i.frames, **i.parameters} for i in items},
        },
        'source': {item.name: item.origin.describe() for item in items},
    }
    found = find_existing(root, **described, kinds=('gt', *lr_kinds))
    if found is not None:
        return found, False

    from dataset_tools.kinds import Layout
    from dataset_tools.sample.frames import item_frames
    from dataset_tools.writer import build_set

    return build_set(
        root,
        **described,
        total=sum(item.frames for item in items),
        videos=((item.name, item_frames(item)) for item in items),
        layout=Layout(made=lr_kinds),
    )
