"""What makes a run the run it is: all that determines its result, and nothing else."""

import hashlib
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Optional

from dataset_tools.manifest import DatasetError, VideoSet

#: Raise it when a change of the code changes results, so that old runs are not taken for new ones.
RESULTS_VERSION = 2

_VALIDATION = (
    'train_cfg.val_begin',
    'train_cfg.val_interval',
    'val_cfg',
    'val_dataloader',
    'val_evaluator',
)
#: Config entries that cannot change what a run computes, and so do not belong to its identity.
#: Validation does where it chooses a checkpoint. Data sets are replaced by their checksums, files
#: of weights by theirs.
NOT_IDENTITY = (
    'custom_imports',
    'default_hooks',
    'default_scope',
    'env_cfg',
    'find_unused_parameters',
    'launcher',
    'log_level',
    'log_processor',
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


def identity_of(cfg: dict, train_set: Optional[VideoSet], chooses_best: bool = False) -> dict:
    """All that determines a run's result, as JSON values.

    Args:
        cfg: the resolved config.
        train_set: what it is trained on; None without training.
        chooses_best: whether the best checkpoint of validation is evaluated as well.
    """
    content = json.loads(json.dumps(cfg, default=str))
    for key in (*NOT_IDENTITY, *(() if chooses_best else _VALIDATION)):
        _remove(content, key.split('.'))
    content = _with_weights(content)
    content['results_version'] = RESULTS_VERSION
    content['train_set'] = train_set.checksum if train_set else None
    if chooses_best:
        content['val_set'] = _checksum(cfg['val_dataloader']['dataset'].get('data_root'))
        content['best_by'] = {
            key: cfg['default_hooks']['checkpoint'].get(key) for key in ('save_best', 'rule')
        }
    return content


def digest(identity: dict) -> str:
    """Hash of what :func:`identity_of` gave."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()


def differences(old: dict, new: dict) -> list[str]:
    """``key: old -> new`` for each entry in which two identities differ."""
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
    """Takes a nested entry out, and its parents where nothing else is in them."""
    first, *rest = path
    if rest and isinstance(content.get(first), dict):
        _remove(content[first], rest)
    if not rest or not content.get(first):
        content.pop(first, None)


def _with_weights(content: Any) -> Any:
    """Files of weights that exist are what is in them, wherever they are."""
    if isinstance(content, dict):
        return {key: _with_weights(value) for key, value in content.items()}
    if isinstance(content, list):
        return [_with_weights(value) for value in content]
    if isinstance(content, str) and content.endswith('.pth') and Path(content).is_file():
        return _sha256(content)
    return content


@cache
def _sha256(path: str) -> str:
    with open(path, 'rb') as file:
        return f'sha256 {hashlib.file_digest(file, "sha256").hexdigest()}'


def _checksum(root: Optional[str]) -> Optional[str]:
    """Of a set; None where it cannot be read, which the checks of the grid complain about."""
    try:
        return VideoSet.load(root).checksum if root else None
    except DatasetError:
        return None
