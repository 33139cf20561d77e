"""What a wheel carries."""

import subprocess
from configparser import ConfigParser
from pathlib import Path

from setuptools import find_namespace_packages

REPOSITORY = Path(__file__).resolve().parents[1]


def test_all_modules_and_configs_are_packaged():
    setup = ConfigParser()
    setup.read(REPOSITORY / 'setup.cfg')
    include = setup['options.packages.find']['include'].split()
    packages = set(find_namespace_packages(str(REPOSITORY), include=include))
    files = subprocess.run(
        ['git', 'ls-files', '*.py'], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout.split()
    ours = ('harness/', 'dataset_tools/', 'reports/', 'mm_configs/')
    folders = {str(Path(f).parent).replace('/', '.') for f in files if f.startswith(ours)}
    assert folders and folders <= packages
    assert not any(package.startswith(('tests', 'examples')) for package in packages)


def test_console_scripts_are_there():
    setup = ConfigParser()
    setup.read(REPOSITORY / 'setup.cfg')
    for line in setup['options.entry_points']['console_scripts'].strip().split('\n'):
        module, _, function = line.partition(' = ')[2].partition(':')
        path = REPOSITORY / (module.replace('.', '/') + '.py')
        assert f'def {function}(' in path.read_text()
