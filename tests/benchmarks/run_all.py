"""All benchmarks and one page of their ratios: ``make bench``.

Their options are chosen for 25 minutes on two idle cores. Writes work_dirs/bench/bench.md: of each
ratio what it is measured against (its anchor) and the bound it should keep, then all figures, and
the minutes that each benchmark took.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pandas as pd

FOLDER = Path(__file__).resolve().parent
RESULTS = Path('work_dirs/bench')
#: benchmark -> options with which all of them together keep the time
BENCHMARKS = {
    'dataset_tools': (),
    'strategies': ('--pairs', '3'),
    'basicvsr_step': (),
    'inference': ('--frames', '100', '--repeats', '1'),
    'evaluation': (),
    'metrics': (),
    'reports': (),
    'grid': (),
}


class Ratio(NamedTuple):
    """A column of ratios in a result.

    Attributes:
        file: name of the CSV.
        label: column that says what is measured.
        column: the ratio.
        anchor: what it is measured against.
        bound: the largest value that is wanted; the smallest, where ``at_least``.
        only: a regular expression of the labels that count.
    """

    file: str
    label: str
    column: str
    anchor: str
    bound: float | None = None
    at_least: bool = False
    only: str = ''

    def verdict(self, value: float) -> str:
        """``'yes'`` or ``'no'``; nothing without a bound."""
        if self.bound is None:
            return ''
        return 'yes' if (value >= self.bound if self.at_least else value <= self.bound) else 'no'


RATIOS = (
    Ratio('basicvsr_step', 'variant', 'times_mmagic', "time of MMagic's step", 0.8, only='ours'),
    Ratio('inference', 'network', 'times_mmagic_cpu', "MMagic's time", 0.8, only='disk'),
    Ratio('inference', 'network', 'times_mmagic_cpu', "MMagic's time", 1.1, only='segments'),
    Ratio('inference', 'network', 'of_its_memory', "MMagic's memory", 0.2, only=' disk'),
    Ratio('inference', 'network', 'times_ordinary_cpu', 'time in ordinary memory order', 0.78),
    Ratio('dataset_tools', 'tool', 'times_codec', 'decoding and encoding', 1.3, only='^(?!static)'),
    Ratio('evaluation', 'what', 'of_its_slowest_part', 'the slowest part alone', 1.15),
    Ratio('metrics', 'compared', 'times_ours', 'time of our PSNR and SSIM', 5, True, '^MMagic'),
    Ratio('strategies', 'R', 'ratio', 'time of RI; the floor that frames alone allow is below'),
    Ratio('grid', 'what', 'share_of_wanted', 'the seconds that are wanted', 1.0),
    Ratio('reports', 'stage', 'share_of_target', 'the seconds that are wanted', 1.0),
)


def main() -> int:
    """Runs them one after another; those that fail do not stop the others."""
    environment = {**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHONPATH': str(FOLDER.parents[1])}
    took, failed = {}, []
    for name, options in BENCHMARKS.items():
        print(f'== {name}', flush=True)
        begin = time.monotonic()
        command = [sys.executable, str(FOLDER / f'bench_{name}.py'), *options]
        if subprocess.call(command, env=environment):
            failed.append(name)
        took[name] = round((time.monotonic() - begin) / 60, 1)
    page = write_page(took, failed)
    print(page.read_text(), f'\n{page}: written')
    return int(bool(failed))


def write_page(took: dict[str, float], failed: list[str]) -> Path:
    """Ratios, all figures, minutes."""
    lines = ['# Benchmarks', '', table(ratios(failed)), '']
    for path in sorted(RESULTS.glob('*.csv')):
        if not any(path.stem.startswith(name) for name in failed):
            lines += [f'## {path.stem}', '', table(pd.read_csv(path)), '']
    minutes = ', '.join(f'{name} {value}' for name, value in took.items())
    lines += [f'Minutes: {minutes}; in all {sum(took.values()):.1f}.']
    lines += [f'FAILED: {", ".join(failed)}'] if failed else []
    page = RESULTS / 'bench.md'
    page.write_text('\n'.join(lines) + '\n')
    return page


def ratios(failed: list[str]) -> pd.DataFrame:
    """Every ratio beside its anchor and its bound."""
    rows = []
    for ratio in RATIOS:
        path = RESULTS / f'{ratio.file}.csv'
        if ratio.file in failed or not path.is_file():
            continue
        found = pd.read_csv(path).dropna(subset=ratio.column)
        found = found[found[ratio.label].astype(str).str.contains(ratio.only)]
        for row in found.to_dict('records'):
            value = row[ratio.column]
            rows.append(
                {
                    'measured': f'{ratio.file}: {row[ratio.label]}',
                    'ratio': value,
                    'to': ratio.anchor,
                    'bound': '' if ratio.bound is None else ratio.bound,
                    'kept': ratio.verdict(value),
                }
            )
    return pd.DataFrame(rows, columns=['measured', 'ratio', 'to', 'bound', 'kept'])


def table(frame: pd.DataFrame) -> str:
    """A table of Markdown."""
    rows = [list(frame.columns), ['---'] * len(frame.columns)]
    rows += frame.astype(object).where(frame.notna(), '').values.tolist()
    return '\n'.join('| ' + ' | '.join(map(str, row)) + ' |' for row in rows)


if __name__ == '__main__':
    sys.exit(main())
