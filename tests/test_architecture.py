"""Imports in the source follow docs/architecture.md."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGES = ('dataset_tools', 'harness', 'reports')
#: what the torch-free contract on disk and the reports may use of the harness
CONTRACT = ('harness.errors', 'harness.runs', 'harness.strategies', 'harness.formats')


def name_of(path):
    parts = path.relative_to(REPOSITORY).with_suffix('').parts
    return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


@cache
def modules():
    """Name -> path of every module of ours."""
    paths = [path for package in PACKAGES for path in (REPOSITORY / package).rglob('*.py')]
    return {name_of(path): path for path in paths}


@cache
def imports(lazy=True):
    """Module -> modules of ours that it imports, anywhere in it or only when it is imported."""
    return {name: set(_imports(name, path, lazy)) for name, path in modules().items()}


def _imports(name, path, lazy):
    tree = ast.parse(path.read_text())
    package = name if path.name == '__init__.py' else name.rpartition('.')[0]
    for node in ast.walk(tree) if lazy else tree.body:
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package.split('.')[: len(package.split('.')) + 1 - node.level]
            base = '.'.join([*above, node.module or '']).strip('.') if node.level else node.module
            found = [f'{base}.{alias.name}' for alias in node.names]
            found = [full if full in modules() else base for full in found]
        else:
            continue
        yield from (module for module in found if module in modules() and module != name)


def below(name, packages):
    return any(name == package or name.startswith(f'{package}.') for package in packages)


def test_there_are_no_cycles():
    done, path = set(), []

    def visit(name):
        if name in path:
            pytest.fail(' -> '.join([*path[path.index(name) :], name]))
        if name not in done:
            path.append(name)
            for other in sorted(imports()[name]):
                visit(other)
            path.pop()
            done.add(name)

    for name in sorted(modules()):
        visit(name)
    assert len(done) > 150


@pytest.mark.parametrize(
    ('package', 'allowed'),
    [
        ('dataset_tools', ['dataset_tools']),
        ('reports', ['reports', 'dataset_tools.manifest', 'harness.cli', *CONTRACT]),
        ('harness.runs', ['harness.runs', 'dataset_tools', 'harness.errors', 'harness.strategies']),
        ('harness.strategies', ['dataset_tools.names']),
        ('harness.errors', []),
        ('harness.training', ['harness', 'dataset_tools']),
        ('harness.networks', ['harness', 'dataset_tools']),
    ],
)
def test_packages_import_only_what_they_may(package, allowed):
    for name, found in imports().items():
        if below(name, [package]):
            wrong = {other for other in found if not below(other, allowed)}
            assert not wrong, f'{name} imports {", ".join(sorted(wrong))}'


def test_only_the_command_reports():
    """The harness never draws."""
    importers = {n for n, found in imports().items() if any(below(o, ['reports']) for o in found)}
    assert {name for name in importers if not below(name, ['reports'])} == {'harness.run_grid'}


def test_networks_and_training_know_nothing_of_grids():
    for name, found in imports().items():
        if below(name, ['harness.networks', 'harness.training', 'harness.data', 'harness.runs']):
            assert not [other for other in found if below(other, ['harness.grid'])], name


def test_slurm_is_in_one_package():
    """Its variables and programs; train.py and test.py only pass on MMEngine's launcher."""
    room = REPOSITORY / 'harness' / 'grid' / 'launchers' / 'slurm'
    for path in modules().values():
        text = path.read_text()
        if room not in path.parents:
            found = [word for word in ('SLURM_', 'squeue', 'sacct', 'scancel') if word in text]
            assert not found, f'{path}: {found}'


@pytest.mark.parametrize(
    'arguments',
    [
        ['harness/run_grid.py', '--help'],
        ['harness/train.py', '--help'],
        ['harness/test.py', '--help'],
        ['harness/infer.py', '--help'],
        ['-m', 'harness.networks', '--help'],
        ['-m', 'harness.evaluation', '--help'],
        ['-m', 'dataset_tools', '--help'],
        ['-m', 'reports', '--help'],
    ],
    ids=' '.join,
)
def test_help_is_light(arguments):
    """Neither torch nor MMagic nor pandas."""
    command = [sys.executable, '-X', 'importtime', *arguments]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    imported = {line.rpartition('|')[2].strip() for line in done.stderr.splitlines()}
    assert not imported & {'torch', 'mmagic', 'pandas', 'matplotlib'}
