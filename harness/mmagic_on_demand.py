"""Imports MMagic's modules on demand, so that its image generators' requirements are optional.

Some of MMagic's packages import all of its networks, and with them diffusers, transformers,
albumentations and a dozen other libraries. After :func:`install` these packages only record which
module defines which name, and import the module when the name is used, by an import or by the
``type`` of a config. A missing library is reported in one line.
"""

import ast
import importlib
import importlib.util
import re
import sys
from collections.abc import Sequence
from functools import cache
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

from harness.errors import fail

#: packages whose ``__init__.py`` is not run; the rest of MMagic needs no further libraries
_PACKAGES = frozenset(
    {
        'mmagic.models',
        'mmagic.models.archs',
        'mmagic.models.editors',
        'mmagic.models.losses',
        'mmagic.datasets.transforms',
    }
)
#: package -> requirements for pip, if its name differs or MMagic 1.2 fails with newer versions
_VERSIONS = dict(
    albumentations='albumentations<1.4',
    diffusers='diffusers<0.25 transformers<4.45 huggingface_hub<0.26',
    resize_right='resize-right',
)
_VERSIONS['transformers'] = _VERSIONS['huggingface_hub'] = _VERSIONS['diffusers']
#: a registry, and either an explicit name or the name of the class or function below
_REGISTERED = re.compile(
    r"^@?(\w+)\.register_module\((?:(?:name=)?'([\w-]+)'|\).*\n(?=(?:@.*\n)*(?:class|def) (\w+)))",
    re.MULTILINE,
)


def check_installed() -> None:
    """Checks that MMagic is installed, without importing it.

    Raises:
        UserError: MMagic is not installed.
    """
    if importlib.util.find_spec('mmagic') is None:
        fail(
            "MMagic is not installed: pip install --no-deps 'mmagic==1.2.0' (its own requirements "
            'are not needed)'
        )


def install() -> None:
    """Makes Python import MMagic's modules on demand from now on.

    Raises:
        UserError: MMagic is not installed.
    """
    if any(isinstance(finder, _Finder) for finder in sys.meta_path):
        return
    check_installed()
    sys.meta_path.insert(0, _Finder())
    from mmagic import registry as registries
    from mmengine.registry import Registry

    for name, registry in vars(registries).items():
        if isinstance(registry, Registry) and registry.scope == 'mmagic':
            _register_on_demand(name, registry)


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in _PACKAGES:
            return None
        spec = PathFinder.find_spec(fullname, path)
        if spec is not None and spec.origin:
            spec.loader = _PackageLoader(fullname, spec.origin)
        return spec


class _PackageLoader(SourceFileLoader):
    """Reads the imports of a package's ``__init__.py`` and runs each when its name is used."""

    def exec_module(self, module: ModuleType) -> None:
        origins = _origins(Path(self.path).read_text('utf-8'), module.__name__)
        everything = origins.pop('*', [])

        def import_on_demand(name: str) -> Any:
            candidates = origins.get(name, [] if name.startswith('__') else everything)
            for origin in map(importlib.import_module, candidates):
                if hasattr(origin, name):
                    setattr(module, name, getattr(origin, name))
                    return getattr(origin, name)
            raise AttributeError(f'module {module.__name__!r} has no attribute {name!r}')

        vars(module).update(__getattr__=import_on_demand, __all__=list(origins))


def _origins(source: str, package: str) -> dict[str, list[str]]:
    """Name, or ``*`` -> modules from which a package's source imports it."""
    origins: dict[str, list[str]] = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.ImportFrom) and node.level:
            origin = importlib.util.resolve_name('.' * node.level + (node.module or ''), package)
            for alias in node.names:
                origins.setdefault(alias.name, []).append(origin)
    return origins


def _register_on_demand(name: str, registry: Any) -> None:
    """Makes MMagic's ``registry`` of this name import the module that registers a requested key."""
    get = registry.get

    def get_on_demand(key: str) -> Any:
        asked = key.removeprefix('mmagic.') if isinstance(key, str) else key
        module = _registered().get((name, asked))
        if module is not None and asked not in registry.module_dict:
            _import(module, asked)
        return get(key)

    registry.get = get_on_demand


def _import(module: str, wanted: str) -> None:
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = str(error.name).partition('.')[0]
        packages = _VERSIONS.get(missing, missing).split()
        fail(
            f"{wanted}: MMagic's {module} needs {missing}, which is not installed: pip install "
            + ' '.join(map(repr, packages))
        )


@cache
def _registered() -> dict[tuple[str, str], str]:
    """(Registry, name) -> module of MMagic that registers it."""
    import mmagic

    root = Path(mmagic.__path__[0])
    found = {}
    for path in sorted(root.rglob('*.py')):
        inside = path.relative_to(root.parent).with_suffix('')
        if '.mim' in inside.parts:  # its configs and tools
            continue
        for registry, given, below in _REGISTERED.findall(path.read_text('utf-8')):
            found[registry, given or below] = '.'.join(inside.parts)
    return found
