"""A table of networks: size, cost, memory and input frames, measured on this machine."""

import csv
import math
import statistics
import sys
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from torch.utils.flop_counter import FlopCounterMode

from harness.configs import load_config
from harness.evaluation.inference import super_resolve
from harness.evaluation.model import default_device, load_model
from harness.networks import zoo  # noqa: F401  (fills the registry)
from harness.networks.recurrent import RecurrentNet, StateShapes
from harness.runs.files import replacing

CONFIGS = Path(__file__).resolve().parents[2] / 'mm_configs'


class Row(NamedTuple):
    """A network; everything but its name is None if it is unknown.

    Attributes:
        paper: Parameters according to the paper, in millions.
        gflops: Cost of one further LR frame in 10^9 operations of convolutions and matrix products;
            a multiply-add counts as two.
        state_bytes: Size of the float32 states at one boundary of a video, both directions
            together.
        reads: The frames that the network reads.
        ms: Milliseconds per frame.
        problem: Why the rest is missing.
    """

    network: str
    parameters: int | None = None
    paper: float | None = None
    gflops: float | None = None
    forward_state: str | None = None
    backward_state: str | None = None
    state_bytes: int | None = None
    reads: str | None = None
    ms: float | None = None
    problem: str | None = None


def paper_configs() -> list[Path]:
    """The configs of the papers' networks."""
    return sorted(CONFIGS.glob('*/*_paper.py'))


def summarize(config: Path, size: tuple[int, int], timed: bool = True) -> Row:
    """The row of one config; any error becomes its ``problem``.

    Args:
        config: Config file.
        size: (H, W) of the LR frame.
        timed: Measure milliseconds per frame.
    """
    name = config.stem
    try:
        net = load_model(load_config(str(config)), None, default_device()).generator
        forward, backward = net.state_shapes(*size)
        return Row(
            name,
            sum(p.numel() for p in net.parameters()),
            paper_millions(name),
            _gflops(net, size),
            describe_shapes(forward),
            describe_shapes(backward),
            _bytes(forward) + _bytes(backward),
            _what_it_reads(net, bool(forward)),
            _ms(net, size) if timed else None,
        )
    except Exception as error:
        return Row(name, problem=f'{type(error).__name__}: {" ".join(str(error).split())}')


def paper_millions(name: str) -> float | None:
    """The parameters, in millions, that a paper reports for the network of ``<name>_paper.py``.

    The method's name in the paper is the config's name or its last part: ``ristn_rib`` is RIB.
    """
    name = name.removesuffix('_paper')
    with (files('reports') / 'paper_values.csv').open() as file:
        for row in csv.DictReader(file):
            network = row['network'].lower()
            if row['metric'] == 'params_millions' and network in (name, name.split('_')[-1]):
                return float(row['value'])
    return None


def describe_shapes(shapes: StateShapes) -> str:
    """``{'h': (8, 4, 4), 'c': (8, 4, 4), 'lr': (3, 4, 4)}`` -> ``'h, c: 8x4x4; lr: 3x4x4'``."""
    parts = []
    for shape, group in groupby(shapes.items(), key=lambda item: item[1]):
        keys = [key for key, _ in group]
        names = ', '.join(keys) if len(keys) < 4 else f'{keys[0]} ... {keys[-1]} ({len(keys)})'
        parts.append(f'{names}: {"x".join(map(str, shape))}')
    return '; '.join(parts)


def _bytes(shapes: StateShapes) -> int:
    return sum(math.prod(shape) for shape in shapes.values()) * torch.float32.itemsize


def _what_it_reads(net: RecurrentNet, has_state: bool) -> str:
    if net.bidirectional:
        return 'whole video'
    past = 'past' if has_state else 'frame'
    return f'{past} + {net.look_ahead}' if net.look_ahead else past


@torch.no_grad()
def _gflops(net: RecurrentNet, size: tuple[int, int]) -> float:
    """The cost of a third frame, which unlike that of the first frame includes optical flow."""
    # the first call also computes the norms of bounded convolutions
    net(torch.rand(1, 1, 3, *size, device=default_device()), length=1)
    totals = []
    for count in (2, 3):
        lrs = torch.rand(1, count, 3, *size, device=default_device())
        with FlopCounterMode(display=False) as counter:
            net(lrs, length=count)
        totals.append(counter.get_total_flops())
    return (totals[1] - totals[0]) / 1e9


def _ms(net: RecurrentNet, size: tuple[int, int]) -> float:
    """The time per frame, measured as in evaluation: the median without the first two frames."""
    frames = np.random.default_rng(0).integers(0, 256, (5, *size, 3), dtype=np.uint8)
    times = [frame.ms for frame in super_resolve(net, frames, default_device(), len(frames))]
    return statistics.median(times[2:])


def write_csv(rows: list[Row], path: Path) -> None:
    """Writes all rows with unrounded values."""
    with replacing(path) as temporary, temporary.open('w', newline='') as file:
        writer = csv.writer(file)
        writer.writerow(Row._fields)
        writer.writerows(rows)


def print_table(rows: list[Row], size: tuple[int, int]) -> None:
    """Prints the table for LR frames of ``size`` (H, W)."""
    device = f'CPU, threads: {torch.get_num_threads()}'
    if torch.cuda.is_available():
        device = torch.cuda.get_device_name()
    table = Table(title=f'LR frames of {size[0]}x{size[1]}, {device}', show_lines=True)
    table.add_column('network')
    for title in ('parameters\n(millions)', 'paper', 'GFLOPs\nper frame'):
        table.add_column(title, justify='right')
    table.add_column('state: channels x height x width')
    table.add_column('state\nKiB', justify='right')
    table.add_column('reads')
    table.add_column('ms per\nframe', justify='right')
    for row in rows:
        table.add_row(*_cells(row))
    # without a terminal, lines may be wider
    Console(width=None if sys.stdout.isatty() else 140).print(table)


def _cells(row: Row) -> list[str]:
    if row.problem:
        return [row.network, '', '', '', f'[red]{escape(row.problem)}']
    assert row.parameters is not None and row.gflops is not None and row.state_bytes is not None
    states = [('forward', row.forward_state), ('backward', row.backward_state)]
    return [
        row.network,
        f'{row.parameters / 1e6:.2f}',
        '' if row.paper is None else f'{row.paper:.2f}',
        f'{row.gflops:.2f}',
        '\n'.join(f'{name} {state}' for name, state in states if state),
        f'{row.state_bytes / 1024:.0f}',
        row.reads or '',
        '' if row.ms is None else f'{row.ms:.1f}',
    ]
