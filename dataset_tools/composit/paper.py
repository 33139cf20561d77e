"""A reconstruction of the Composit test set of the PI-BPTT paper.

The paper has 15 videos of 181 to 298 frames, 540x960 to 720x1280, made from videos of REDS'
evaluation set and of SPMCS; it does not say which. 298 frames are 3 passes of REDS' 100 frames, 181
are 6 passes of SPMCS' 31. Here they are the first 4 videos of REDS and the first 11 of SPMCS by
name.
"""

from __future__ import annotations

import logging
from pathlib import Path

from dataset_tools.composit.sets import composit_order, frames_of_passes
from dataset_tools.kinds import layout_like
from dataset_tools.manifest import DatasetError, VideoSet
from dataset_tools.prepare.public_sets import SETS
from dataset_tools.sources import describe_source, frame_paths
from dataset_tools.writer import build_set

_REDS = {'videos': 4, 'frames': 100, 'passes': 3}
_SPMCS = {'videos': 11, 'frames': 31, 'passes': 6}
_RECONSTRUCTION = (
    "a reconstruction: the paper's list of videos is unpublished; its lengths fit 4 videos of REDS "
    'in 3 passes and 11 of SPMCS in 6'
)

_LOG = logging.getLogger(__name__)


def make_paper_composit_set(
    reds_root: str | Path, spmcs_root: str | Path, output_root: str | Path, jobs: int | None = None
) -> tuple[VideoSet, bool]:
    """Makes a reconstruction of the paper's Composit set.

    Videos of REDSval4, the validation set of trainings, are used only if there are not enough
    others; a warning says so.

    Args:
        reds_root: A set of REDS validation videos, at least 4 of at least 100 frames.
        spmcs_root: A set of SPMCS videos, at least 11 of at least 31 frames.
        output_root: The set to make.
        jobs: Frames made in parallel; None means all cores.

    Returns:
        The set, and whether it was made now (False: it was there already).

    Raises:
        DatasetError: See ``build_set``; also too few videos that are long enough.
    """
    reds, spmcs = VideoSet.load(reds_root), VideoSet.load(spmcs_root)
    validation = SETS['reds/redsval4'].names
    # Static copies of the validation set are not videos of REDS; False sorts before True.
    reds_names = sorted(
        (name for name in reds.videos if not name.endswith('_static')),
        key=lambda name: (name in validation, name),
    )
    chosen = {
        'reds': (reds, _choose(reds, reds_names, _REDS), _REDS),
        'spmcs': (spmcs, _choose(spmcs, sorted(spmcs.videos), _SPMCS), _SPMCS),
    }
    _LOG.warning('%s: %s', output_root, _RECONSTRUCTION)
    overlap = sorted(set(chosen['reds'][1]) & set(validation))
    if overlap:
        _LOG.warning(
            '%s: %s of REDS also in REDSval4, the validation set', output_root, ', '.join(overlap)
        )
    orders = {
        key: composit_order(plan['frames'], frames_of_passes(plan['frames'], plan['passes']))
        for key, (_, _, plan) in chosen.items()
    }
    return build_set(
        output_root,
        tool='composit',
        parameters={
            'preset': 'paper',
            'note': _RECONSTRUCTION,
            'videos': {key: names for key, (_, names, _) in chosen.items()},
            'in_validation': overlap,
        },
        source={key: describe_source(source) for key, (source, _, _) in chosen.items()},
        total=sum(len(orders[key]) * len(names) for key, (_, names, _) in chosen.items()),
        videos=(
            (f'{key}_{name}', frame_paths(source, name, orders[key]))
            for key, (source, names, _) in chosen.items()
            for name in names
        ),
        layout=layout_like(reds),
        jobs=jobs,
    )


def _choose(source: VideoSet, names: list[str], plan: dict[str, int]) -> list[str]:
    """The first videos that are long enough."""
    long_enough = [name for name in names if source.videos[name].frames >= plan['frames']]
    if len(long_enough) < plan['videos']:
        raise DatasetError(
            f'{source.root}: {len(long_enough)} of {len(names)} videos have at least '
            f'{plan["frames"]} frames, {plan["videos"]} are needed; give a larger set'
        )
    return sorted(long_enough[: plan['videos']])
