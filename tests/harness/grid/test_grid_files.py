"""The grid files of this project, wherever their data are."""

from pathlib import Path

import pytest

from harness.grid.grid_file import read_grid

GRIDS = sorted((Path(__file__).resolve().parents[3] / 'mm_configs/grids').glob('*.py'))


@pytest.mark.parametrize('path', GRIDS, ids=lambda path: path.name)
def test_nothing_is_wrong_but_that_there_are_no_data(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    grid, problems = read_grid(str(path), {})
    assert grid.networks and problems
    assert all('no such set folder' in p or 'no such file' in p for p in problems), problems
