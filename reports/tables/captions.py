"""Captions of tables and figures, which say what was averaged and what is missing."""

import pandas as pd

from harness.runs.grid_json import TestSet
from reports.methods import KEY
from reports.reading.run_files import STATUS_WORDS
from reports.results import LONG, WINDOW, GridResults
from reports.stability import DROP

STABILITY_CAPTION = (
    f'Stability on long videos. PSNR on Y (dB) and SSIM of all, the first {WINDOW} and the last '
    f'{WINDOW} frames, mean over videos, then seeds; drift: last {WINDOW} minus first {WINDOW}. '
    f'Divergence: videos (of all videos and seeds) whose PSNR falls {DROP:.0f} dB under the mean '
    f'of their first {WINDOW} frames and stays there to the end, and the earliest frame from which '
    'one does; worst frame: the lowest PSNR of any frame, video and seed. Test sets with videos of '
    f'fewer than {LONG} frames are left out.'
)

RESET_DIVERGENCE = 'Where states are reset, a fall after the last reset is no divergence.'

OVERLAP_MEANING = (
    'Overlap M: each piece begins M frames before the previous one ends; the later piece provides '
    'the second half of the overlap, or fades in over it.'
)
GUARD_MEANING = (
    'Resets at a norm or distance: the state is reset when its root mean square, or its '
    'distance to the state of a fresh short run, exceeds the threshold.'
)

TRADEOFF_CAPTION = (
    'Training time against accuracy for several R, the number of times PI uses its stored '
    'states; RI stores none. PSNR on Y, mean over seeds; mean: over all test sets.'
)


def main_caption(grid: GridResults) -> str:
    """Caption of the main table: what was averaged, over how much, and what is missing."""
    sets = ', '.join(describe(test_set) for test_set in grid.record.test_sets.values())
    trained = grid.runs[grid.runs['strategy'].notna()]
    seeds = trained.groupby(KEY)['seed'].size()
    spans = trained.groupby('network', sort=False)['iterations']
    iterations = ', '.join(f'{grid.record.networks[key]} {_span(group)}' for key, group in spans)
    parts = [
        f'Y-PSNR (dB) and SSIM of all frames, and PSNR of the last {WINDOW} frames where every '
        f'video has at least {2 * WINDOW}. Mean over frames, then videos, then seeds, with the '
        f'standard deviation over seeds where there are several. Test sets: {sets}.',
        f'Seeds: {_span(seeds)} per method.' if len(seeds) else '',
        f'Training iterations: {iterations}.' if iterations else '',
        ending(grid),
    ]
    return ' '.join(part for part in parts if part)


def strategies_caption(grid: GridResults) -> str:
    """Caption of the table of training sets x test sets."""
    untrained = (grid.runs['kind'] != 'trained').any()
    references = ' Networks that are not trained here are given in the first block only.'
    return (
        'Y-PSNR (dB) and SSIM by training set and test set: mean over frames, then videos, then '
        'seeds, with the standard deviation over seeds where there are several.'
        f'{references if untrained else ""} {ending(grid)}'
    )


def consistency_caption(grid: GridResults) -> str:
    """Caption of the table of optional quantities."""
    meanings = {
        'tof': 'tOF: difference between the optical flow of successive SR frames and that of '
        'successive ground-truth frames.',
        'warp_error': 'Warping error: mean squared difference between an SR frame and the one '
        'before, warped by the flow of the ground truth, where nothing is occluded.',
        'frame_difference': 'Frame difference: mean absolute difference of Y between an SR frame '
        'and the one before, of 255 levels; flicker where nothing moves.',
        'psnr_inside': 'Inside and outside: of the pixels seen by every window of a video.',
    }
    told = [text for name, text in meanings.items() if name in grid.quantities]
    start = 'Further quantities of frames, mean over frames, videos, then seeds.'
    return ' '.join([start, *told, ending(grid)])


def ending(grid: GridResults) -> str:
    """Explains the names of variants, if there are any, and says how many runs are done."""
    notes = [lr_note(grid), protocol_note(grid), variants_note(grid), run_counts(grid)]
    return ' '.join(filter(None, notes))


def protocol_note(grid: GridResults) -> str:
    """Explains protocols, if a test set has one."""
    if not any(test_set.protocol for test_set in grid.record.test_sets.values()):
        return ''
    against_lr = any(test_set.protocol == 'lr' for test_set in grid.record.test_sets.values())
    return (
        'Where a test set names a protocol, its frames are scored as that toolbox does, '
        'and in RGB, not Y, where the name says so.'
        + ' Protocol lr: SR, degraded again, against LR; there is no ground truth.'
        * against_lr
    )


#: kind of LR frames -> its name in captions
LR_KINDS = {
    'lr_bd': 'BD',
    'lr_bd_tecogan': 'BD as TecoGAN-PyTorch has it',
    'lr_bd_rlsp': 'BD as RLSP has it',
    'lr_bd_duf': 'BD as DUF has it',
    'lr_bd_basicvsr': 'BD as BasicVSR has it',
    'lr_bi': 'BI',
    'lr_bi_pil': 'BI as Pillow has it',
}


def lr_note(grid: GridResults) -> str:
    """Says which networks get which LR frames, if they are not the same for all."""
    groups: dict[str, list[str]] = {}
    for key, kind in grid.record.lr_kinds.items():
        if key in grid.record.networks:
            groups.setdefault(kind, []).append(grid.record.networks[key])
    if len(groups) < 2:
        return ''
    told = [f'{LR_KINDS.get(kind, kind)} for {", ".join(names)}' for kind, names in groups.items()]
    return f'LR frames: {"; ".join(told)}.'


def rivals(grid: GridResults) -> str:
    """Says among which methods best and second best are marked."""
    best = any(method.checkpoint == 'best' for method in grid.methods)
    return 'each network, last and best checkpoints apart' if best else 'each network'


def stability_caption(grid: GridResults) -> str:
    """Caption of the table of stability."""
    resets = RESET_DIVERGENCE if any(method.reset_every for method in grid.methods) else ''
    return ' '.join(filter(None, [STABILITY_CAPTION, resets, ending(grid)]))


def variants_note(grid: GridResults) -> str:
    """Explains the names of variants; empty if there are none."""
    resets = [method.reset for method in grid.methods if method.reset]
    best = any(method.checkpoint == 'best' for method in grid.methods)
    meanings = [
        'Reset every N: the state is reset every N frames.' if resets else '',
        OVERLAP_MEANING if any(reset.is_overlapping for reset in resets) else '',
        GUARD_MEANING if any(reset.is_guard for reset in resets) else '',
        'Best checkpoint: that of the best validation in place of the last.' if best else '',
    ]
    return ' '.join(filter(None, meanings))


def run_counts(grid: GridResults) -> str:
    """Says how many runs are done, failed, unfinished or missing."""
    runs = grid.runs[grid.runs['kind'] != 'external']
    counts = runs['status'].map(STATUS_WORDS).value_counts()
    parts = [
        f'{counts[word]} {word}' for word in dict.fromkeys(STATUS_WORDS.values()) if word in counts
    ]
    done = f'{(runs["status"] == "DONE").sum()} of {len(runs)} runs done'
    bad = (grid.evaluations['status'] == 'invalid').sum()
    invalid = f' Evaluations with damaged files, left out: {bad}.' if bad else ''
    return f'{done}{": " if parts else ""}{", ".join(parts)}.{invalid}'


def timing_caption(grid: GridResults) -> str:
    """Caption of the timing table: what the times hold, and the device they were taken on."""
    devices = [
        f'{device} with {threads:.0f} thread{"s" if threads > 1 else ""}'
        for (device, threads), _ in grid.runs.dropna(subset=['device']).groupby(
            ['device', 'threads']
        )
    ]
    where = f' Measured on {", ".join(devices)}.' if devices else ''
    burn_in = grid.runs['burn_in_ms'].notna().any()
    told = 'the frames run before each clip (burn-in), ' if burn_in else ''
    return (
        'Parameters and times. Training: mean time per iteration, of which loading, the pass that '
        f'computes the stored states divided by the iterations that use them, {told}and the '
        'optimisation step. Inference: median over all evaluated frames. Means over '
        f'seeds.{where}'
    )


def describe(test_set: TestSet) -> str:
    """Label, number of videos and their lengths."""
    count = len(test_set.videos)
    frames = _span(pd.Series(list(test_set.videos.values())))
    return f'{test_set.label} ({count} video{"s" if count > 1 else ""} of {frames} frames)'


def _span(values: pd.Series) -> str:
    low, high = values.min(), values.max()
    return f'{low}' if low == high else f'{low} to {high}'
