"""The table of networks, beside numbers counted by hand."""

import csv
import subprocess
import sys

import pytest

from harness.networks import summary
from harness.networks.__main__ import main

HEIGHT, WIDTH = 16, 24
PIXELS = HEIGHT * WIDTH
FRVSR = """
model = dict(
    type='RecurrentVSR',
    generator=dict(
        type='FRVSRNet',
        mid_channels=8,
        num_blocks=1,
        flow_net=dict(type='ConvFlowNet', channels=4, num_convs=2),
    ),
)
"""
BASICVSR = """
model = dict(
    type='RecurrentVSR',
    generator=dict(
        type='FrameConditioned',
        last_frame=5,
        net=dict(
            type='StatefulBasicVSRNet',
            mid_channels=8,
            num_blocks=1,
            flow_net=dict(type='DISFlow'),
        ),
    ),
)
"""


@pytest.fixture
def config(tmp_path):
    def write(name, text):
        path = tmp_path / f'{name}.py'
        path.write_text(text)
        return path

    return write


def conv(inputs, outputs, pixels=PIXELS):
    """Multiplications of a 3x3 convolution and its weights with biases."""
    return 9 * inputs * outputs * pixels, 9 * inputs * outputs + outputs


def test_unidirectional_network(config):
    row = summary.summarize(config('small', FRVSR), (HEIGHT, WIDTH))
    layers = [
        *(conv(6, 4), conv(4, 2)),  # flow
        *(conv(51, 8), conv(8, 8), conv(8, 8)),  # head and one block
        *(conv(8, 8), conv(8, 8, 4 * PIXELS)),  # deconvolutions: by input pixel
        conv(8, 3, 16 * PIXELS),
    ]
    assert row.network == 'small' and row.problem is None and row.paper is None
    assert row.parameters == sum(parameters for _, parameters in layers)
    assert row.gflops == pytest.approx(2e-9 * sum(products for products, _ in layers))
    assert row.forward_state == 'sr: 3x64x96; lr: 3x16x24' and row.backward_state == ''
    assert row.state_bytes == 4 * (3 * 16 + 3) * PIXELS
    assert row.reads == 'past'
    assert row.ms > 0


def test_bidirectional_conditioned_network(config):
    row = summary.summarize(config('small', BASICVSR), (HEIGHT, WIDTH), timed=False)
    branch = [conv(12, 8), conv(8, 8), conv(8, 8)]
    layers = [
        *(2 * branch),
        (2 * 8 * 8 * PIXELS, 2 * 8 * 8 + 8),  # 1x1 fusion
        *(conv(8, 32), conv(8, 256, 4 * PIXELS)),  # before each pixel shuffle
        *(conv(64, 64, 16 * PIXELS), conv(64, 3, 16 * PIXELS)),
    ]
    assert row.parameters == sum(parameters for _, parameters in layers)
    assert row.gflops == pytest.approx(2e-9 * sum(products for products, _ in layers))
    assert row.forward_state == row.backward_state == 'feat: 8x16x24; lr: 3x16x24'
    assert row.state_bytes == 2 * 4 * (8 + 3) * PIXELS
    assert row.reads == 'whole video'
    assert row.ms is None


@pytest.mark.slow
def test_network_without_memory():
    row = summary.summarize(summary.CONFIGS / 'bicubic/bicubic_bd.py', (HEIGHT, WIDTH))
    assert (row.parameters, row.state_bytes, row.reads) == (0, 0, 'frame')


def test_states_of_many_layers():
    shapes = {f'{k}{i}': (16, 4, 6) for i in range(3) for k in 'hc'} | {'lr': (3, 4, 6)}
    assert summary.describe_shapes(shapes) == 'h0 ... c2 (6): 16x4x6; lr: 3x4x6'
    assert summary.describe_shapes({}) == ''


@pytest.mark.parametrize(
    'name, millions',
    [('frvsr_paper', 2.58), ('basicvsr_paper', 6.29), ('mrvsr_paper', 1.21), ('ristn_rib', 1.21)]
    + [('drcn_paper', 1.75), ('dsrn_paper', 1.25)]
    + [('frvsr_tecogan', None), ('bicubic_bd', None)],
)
def test_numbers_of_the_papers(name, millions):
    assert summary.paper_millions(name) == millions


@pytest.mark.slow
def test_command(config, tmp_path, capsys):
    """All configs of the papers, and one whose network cannot be built."""
    broken = config('broken', "model = dict(type='RecurrentVSR', generator=dict(type='Nothing'))")
    table = tmp_path / 'networks.csv'
    extra = ['--config', str(config('small', FRVSR)), str(broken), f'{tmp_path}/missing.py']
    assert main(['summary', '--size', '16x24', '--no-time', *extra, '--csv', str(table)]) == 0
    with table.open() as file:
        rows = {row['network']: row for row in csv.DictReader(file)}
    papers = [path.stem for path in sorted(summary.CONFIGS.glob('*/*_paper.py'))]
    assert list(rows) == [*papers, 'small', 'broken', 'missing']
    assert {'frvsr_paper', 'basicvsr_paper'} <= set(papers)
    assert [name for name, row in rows.items() if row['problem']] == ['broken', 'missing']
    assert (rows['frvsr_paper']['parameters'], rows['frvsr_paper']['paper']) == ('2589093', '2.58')
    assert rows['basicvsr_paper']['parameters'] == '6291311'
    assert 'Nothing is not in the' in rows['broken']['problem']
    assert rows['missing']['problem'].endswith('missing.py: no such file')
    printed = capsys.readouterr().out
    assert 'LR frames of 16x24' in printed
    assert all(name in printed for name in rows)
    assert 'Nothing is not in the' in printed


def test_csv_needs_a_folder(tmp_path):
    with pytest.raises(SystemExit, match='--csv .*: no such folder'):
        main(['summary', '--csv', f'{tmp_path}/nowhere/networks.csv'])


def test_size_is_checked(capsys):
    with pytest.raises(SystemExit):
        main(['summary', '--size', '64'])
    assert "'64' is not HEIGHTxWIDTH" in capsys.readouterr().err


@pytest.mark.parametrize(
    'command', [[], ['summary'], ['convert'], ['convert-frvsr'], ['published']], ids=str
)
def test_help_imports_nothing_heavy(command):
    call = [sys.executable, '-X', 'importtime', '-m', 'harness.networks', *command, '--help']
    done = subprocess.run(call, capture_output=True, text=True, check=True)
    imported = {line.split('|')[-1].strip() for line in done.stderr.splitlines()}
    assert 'argparse' in imported
    assert not {'torch', 'numpy', 'mmengine', 'mmagic', 'rich'} & imported
    for name in command:
        assert f'\n  python -m harness.networks {name} ' in done.stdout.split('example')[1]


@pytest.mark.slow
def test_flops_leave_the_search_for_norms_out():
    """MRVSR's bounded convolutions cost what RLSP's plain ones of the same size do."""
    mrvsr, rlsp = (
        summary.summarize(summary.CONFIGS / name, (16, 16), timed=False)
        for name in ('mrvsr/mrvsr_paper.py', 'rlsp/rlsp_paper.py')
    )
    assert 0.8 < mrvsr.gflops / rlsp.gflops < 1.5
