"""What needs only torch imports only that, and MMEngine for its base class and registries."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIGHT = [
    'harness.data',
    'harness.networks.plain',
    'harness.networks.recurrent',
    'harness.networks.stateless',
    'harness.training.initial_state',
    'harness.training.plan',
    'harness.training.sequential_plan',
    'harness.training.state_bank',
    'harness.training.state_pass',
]


def imported_by(*modules: str) -> set[str]:
    """The top-level packages that a fresh interpreter has after importing these."""
    code = (
        f'import sys, {", ".join(modules)}\nprint(*{{name.split(".")[0] for name in sys.modules}})'
    )
    done = subprocess.run(
        [sys.executable, '-c', code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


@pytest.mark.slow
def test_pieces_of_pi_bptt_do_not_import_mmagic():
    packages = imported_by(*LIGHT)
    assert {'torch', 'mmengine', 'harness'} <= packages
    assert not {'mmagic', 'mmcv', 'diffusers'} & packages


def test_whether_published_weights_are_there_is_said_without_torch():
    assert 'torch' not in imported_by('harness.networks.foreign.published')


@pytest.mark.slow
def test_the_zoo_and_what_is_registered_import_it_without_what_it_requires():
    """Also where somebody has imported MMagic before."""
    packages = imported_by('mmagic.registry', 'harness.networks.zoo', 'harness.training.registered')
    assert {'mmagic', 'mmcv'} <= packages
    assert not {'diffusers', 'transformers', 'albumentations', 'mediapipe'} & packages
