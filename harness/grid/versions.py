"""What a run was made with."""

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ('torch', 'torchvision', 'mmagic', 'mmengine', 'mmcv', 'mmcv-lite', 'numpy', 'pandas')


def versions() -> dict[str, str]:
    """Versions of Python and the libraries, and the git commit of this project (if any)."""
    found = dict(python=platform.python_version(), platform=platform.platform())
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    commit = subprocess.run(
        ['git', 'describe', '--always', '--dirty', '--abbrev=40'],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    if commit.returncode == 0:
        found['commit'] = commit.stdout.strip()
    return found
