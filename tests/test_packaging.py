"""The content of the wheel, and that it works without a checkout."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from configparser import ConfigParser
from pathlib import Path

import pytest
from setuptools import find_namespace_packages

from dataset_tools.frames import read_frame
from dataset_tools.sample.frames import photograph_path
from dataset_tools.static import static
from dataset_tools.writer import build_set

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGES = ('harness', 'dataset_tools', 'reports', 'mm_configs')


def read_setup() -> ConfigParser:
    setup = ConfigParser()
    setup.read(REPOSITORY / 'setup.cfg')
    return setup


def tracked(*patterns: str) -> list[str]:
    return subprocess.run(
        ['git', 'ls-files', *patterns], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout.split()


def test_all_modules_and_configs_are_packaged():
    include = read_setup()['options.packages.find']['include'].split()
    packages = set(find_namespace_packages(str(REPOSITORY), include=include))
    folders = {
        str(Path(file).parent).replace('/', '.')
        for file in tracked('*.py')
        if file.startswith(PACKAGES)
    }
    assert folders and folders <= packages
    assert not any(package.startswith(('tests', 'examples')) for package in packages)


@pytest.fixture
def installed(tmp_path) -> Path:
    """Scripts of a fresh environment with a wheel of the tracked files, and our other packages."""
    for file in tracked(*PACKAGES, 'setup.cfg', 'pyproject.toml', 'README.md', 'LICENSE'):
        (tmp_path / 'source' / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / file, tmp_path / 'source' / file)
    environment = tmp_path / 'venv'
    venv.create(environment)
    python = environment / 'bin' / 'python'
    pip = [sys.executable, '-m', 'pip', '--quiet', '--disable-pip-version-check']
    wheel = [*pip, 'wheel', '--no-deps', '--no-build-isolation', tmp_path / 'source']
    subprocess.run([*wheel, '--wheel-dir', tmp_path], check=True)
    install = [*pip, '--python', python, 'install', '--no-deps', '--no-index']
    subprocess.run([*install, *tmp_path.glob('*.whl')], check=True)
    (packages,) = environment.glob('lib/python*/site-packages')
    (packages / 'others.pth').write_text(sysconfig.get_path('purelib'))
    return environment / 'bin'


@pytest.mark.slow
def test_a_wheel_plans_the_quickstart_outside_of_the_checkout(installed, tmp_path):
    photo = read_frame(photograph_path('coffee.png'))
    videos = [(f'{x}', static(photo[:128, x : x + 128], frames=7)) for x in (0, 128)]
    sample = tmp_path / 'data' / 'sample'
    build_set(sample / 'train', tool='test', parameters={}, source='x', total=14, videos=videos)
    for name in ('moving', 'static', 'sliding_window', 'gamma', 'composit'):
        (sample / name).symlink_to('train')

    def run(*command: str) -> str:
        environment = {k: v for k, v in os.environ.items() if k != 'PYTHONPATH'}
        done = subprocess.run(
            [installed / command[0], *command[1:]],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    where = run('python', '-c', 'import harness; print(harness.__file__)')
    assert where.startswith(str(installed.parent))
    plan = run('vsr-grid', 'mm_configs/grids/quickstart.py', '--dry-run')
    assert plan.count('frvsr_rr') >= 6 and 'basicvsr_small' in plan
    scripts = read_setup()['options.entry_points']['console_scripts'].strip().splitlines()
    for script in scripts:
        assert 'usage: ' in run(script.partition(' ')[0], '--help')
