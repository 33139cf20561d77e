"""The docs are correct: links lead somewhere, commands parse, code compiles."""

import argparse
import importlib
import re
import shlex
from configparser import ConfigParser
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
PAGES = [REPOSITORY / 'README.md', *sorted(REPOSITORY.glob('docs/*.md'))]
#: programs that are not ours
FOREIGN = {'make', 'ray', 'docker', 'cp', 'cd', 'git', 'pip', 'sbatch', 'pdflatex', 'torchrun'}


def scripts():
    """Name -> module:function of the console scripts."""
    setup = ConfigParser()
    setup.read(REPOSITORY / 'setup.cfg')
    lines = setup['options.entry_points']['console_scripts'].split('\n')
    return dict(line.split(' = ') for line in lines if line)


def commands():
    """Page and command line of every command."""
    for page in PAGES:
        text = re.sub(r'```\w+\n.*?```', '', page.read_text(), flags=re.S)
        text = text.replace('\\\n', ' ')
        for line in re.findall(r'^    (\S.*)$', text, flags=re.M):
            for command in line.split(' && '):
                yield pytest.param(command, id=f'{page.name}: {command[:60]}')


class Parsed(Exception):
    """The arguments were understood."""


def program(words):
    """The module of a command and its arguments; None for a program of others."""
    name = Path(words[0]).name
    if name in FOREIGN:
        return None
    if name in scripts():
        return scripts()[name].partition(':')[0], words[1:]
    assert name == 'python', f'{name}: no program of ours'
    if words[1] == '-m':
        module = words[2] if words[2].count('.') else f'{words[2]}.__main__'
        is_package = (REPOSITORY / module.replace('.', '/')).is_dir()
        return module + '.__main__' * is_package, words[3:]
    script = words[1].removeprefix('REPOSITORY/').removesuffix('.py')
    return script.replace('/', '.'), words[2:]


@pytest.mark.parametrize('command', commands())
def test_commands_parse(command, monkeypatch, capsys):
    words = shlex.split(command, comments=True)
    found = program(words)
    if found is None:
        return
    parse = argparse.ArgumentParser.parse_args

    def only_parse(self, *args):
        parse(self, *args)
        raise Parsed

    monkeypatch.setattr(argparse.ArgumentParser, 'parse_args', only_parse)
    module, argv = found
    if '--help' in argv:
        with pytest.raises(SystemExit) as caught:
            importlib.import_module(module).main(argv)
        assert caught.value.code == 0
        return
    with pytest.raises(Parsed):
        importlib.import_module(module).main(argv)


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)
def test_links(page):
    text = page.read_text()
    for target in re.findall(r'\]\(([^)#\s]+)', text):
        if '://' not in target:
            assert (page.parent / target).exists(), target
    for name in re.findall(
        r'`((?:harness|dataset_tools|reports|mm_configs|tests|docs)/[^`\s*<{]+)`', text
    ):
        assert (REPOSITORY / name.rstrip('/')).exists(), name


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)
def test_python_compiles(page):
    for code in re.findall(r'```python\n(.*?)```', page.read_text(), flags=re.S):
        compile(code, page.name, 'exec')


def test_the_network_of_the_readme():
    """It takes a frame with and without a state, and has the name that the example uses."""
    import torch

    code = re.search(
        r'```python\n(# my_net.py.*?)```', (REPOSITORY / 'README.md').read_text(), re.S
    )
    names = {}
    exec(code[1], names)
    net, lr = names['MyStepNet'](), torch.rand(1, 3, 6, 8)
    sr, state = net.step(lr, None)
    assert sr.shape == net.step(lr, state)[0].shape == (1, 3, 24, 32)
    assert 'my_net:MyStepNet' in (REPOSITORY / 'examples/network/my_config.py').read_text()


def test_the_readme_is_short():
    assert len((REPOSITORY / 'README.md').read_text().splitlines()) <= 120
