"""The identity of a run: everything that determines its result, and nothing else."""

import hashlib
import json
import platform
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import MappingProxyType
from typing import Any

from dataset_tools.manifest import DatasetError, VideoSet
from harness.runs.files import sha256

#: Increment it when a code change alters results, so that old runs are not mistaken for new ones.
RESULTS_VERSION = 2

_VALIDATION = (
    'train_cfg.val_begin',
    'train_cfg.val_interval',
    'val_cfg',
    'val_dataloader',
    'val_evaluator',
)
#: Config entries that cannot change what a run computes and so do not belong to its identity.
#: Validation belongs to it if it selects a checkpoint. Data sets and weight files are replaced by
#: their checksums.
NOT_IDENTITY = (
    'custom_imports',
    'default_hooks',
    'default_scope',
    'env_cfg',
    'find_unused_parameters',
    'launcher',
    'log_level',
    'log_processor',
    'module_folders',
    'plugins',
    'resume',
    'test_sets',
    'train_cfg.bank.folder',
    'train_cfg.bank.place',
    'train_cfg.state_pass_batch',
    'train_dataloader.dataset.cache',
    'train_dataloader.dataset.data_root',
    'train_dataloader.num_workers',
    'train_dataloader.persistent_workers',
    'train_dataloader.pin_memory',
    'val_dataloader.dataset.data_root',
    'val_dataloader.num_workers',
    'val_dataloader.persistent_workers',
    'val_dataloader.pin_memory',
    'visualizer',
    'work_dir',
)


def identity_of(
    cfg: dict,
    train_set: VideoSet | None,
    chooses_best: bool = False,
    modules: Mapping[str, Path] = MappingProxyType({}),
) -> dict:
    """Everything that determines a run's result, as JSON values.

    Args:
        cfg: The resolved config.
        train_set: The training set; None without training.
        chooses_best: Whether the best checkpoint by validation is evaluated as well.
        modules: Name -> file of the user's modules that the config imports.
    """
    content = json.loads(json.dumps(cfg, default=str))
    for key in (*NOT_IDENTITY, *(() if chooses_best else _VALIDATION)):
        _remove(content, key.split('.'))
    content = _with_weights(content)
    content['results_version'] = RESULTS_VERSION
    content['train_set'] = train_set.checksum if train_set else None
    if modules:
        content['modules'] = {name: code_checksum(path) for name, path in modules.items()}
    if chooses_best:
        content['val_set'] = _checksum(cfg['val_dataloader']['dataset'].get('data_root'))
        content['best_by'] = {
            key: cfg['default_hooks']['checkpoint'].get(key) for key in ('save_best', 'rule')
        }
    return content


def digest(identity: dict) -> str:
    """The hash of an identity, in hexadecimal."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()


def differences(old: dict, new: dict) -> list[str]:
    """The entries in which two identities differ, each as ``key: old -> new``."""
    before, after = dict(_flatten(old)), dict(_flatten(new))
    return [
        f'{key}: {_show(before, key)} -> {_show(after, key)}'
        for key in sorted({*before, *after})
        if _show(before, key) != _show(after, key)
    ]


def _show(values: dict[str, Any], key: str) -> str:
    return repr(values[key]) if key in values else '(nothing)'


def _flatten(content: Any, prefix: str = '') -> Iterator[tuple[str, Any]]:
    if isinstance(content, dict) and content:
        for key, value in content.items():
            yield from _flatten(value, f'{prefix}.{key}' if prefix else key)
    else:
        yield prefix, content


def _remove(content: dict, path: list[str]) -> None:
    """Removes a nested entry, and parents that are empty then."""
    first, *rest = path
    if rest and isinstance(content.get(first), dict):
        _remove(content[first], rest)
    if not rest or not content.get(first):
        content.pop(first, None)


def _with_weights(content: Any, key: str = '') -> Any:
    """Replaces paths of existing weight files by checksums, so that their place does not matter."""
    if isinstance(content, dict):
        return {name: _with_weights(value, name) for name, value in content.items()}
    if isinstance(content, list):
        return [_with_weights(value) for value in content]
    if not isinstance(content, str):
        return content
    is_weights = key == 'load_from' or key.endswith('pretrained') or content.endswith('.pth')
    return _sha256(content) if is_weights and Path(content).is_file() else content


def code_checksum(path: Path) -> str:
    """Checksum of a module's file, or of all files of a package given by its ``__init__.py``."""
    files = sorted(path.parent.rglob('*.py')) if path.name == '__init__.py' else [path]
    lines = [f'{file.relative_to(path.parent)} {sha256(file)}' for file in files]
    return hashlib.sha256('\n'.join(lines).encode()).hexdigest()


@cache
def _sha256(path: str) -> str:
    return f'sha256 {sha256(Path(path))}'


def _checksum(root: str | None) -> str | None:
    """Checksum of a set; None if it cannot be read, which the checks of the grid report."""
    try:
        return VideoSet.load(root).checksum if root else None
    except DatasetError:
        return None


#: libraries whose versions are recorded with each run
_PACKAGES = ('torch', 'torchvision', 'mmagic', 'mmengine', 'mmcv', 'mmcv-lite', 'numpy', 'pandas')


def versions() -> dict[str, str]:
    """The versions of Python and the libraries, and this project's git commit, if there is one."""
    found = dict(python=platform.python_version(), platform=platform.platform())
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    try:
        commit = subprocess.run(
            ['git', 'describe', '--always', '--dirty', '--abbrev=40'],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:  # no git here
        return found
    if commit.returncode == 0:
        found['commit'] = commit.stdout.strip()
    return found
