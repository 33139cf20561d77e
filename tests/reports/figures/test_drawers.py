"""Drawing on all processors: names of files."""

import errno
import shutil

import pytest

from reports.figures import drawers
from reports.figures.catalogue import Drawing
from reports.figures.drawers import _file_names
from reports.report import build_report


def test_every_figure_has_a_file_of_its_own():
    names = ['pictures_a b', 'pictures_a_b', 'pictures_a/b', 'pictures_a_b-2', '../up', 'drift']
    found = _file_names([Drawing('', 'kind', name, '', None, None) for name in names])
    assert [name.removeprefix('kind/') for name in found] == [
        'pictures_a_b',
        'pictures_a_b-2',
        'pictures_a_b-3',
        'pictures_a_b-2-2',
        '.._up',
        'drift',
    ]


@pytest.mark.slow
@pytest.mark.usefixtures('two_figures')
def test_figures_are_drawn_where_there_are_no_semaphores(small, monkeypatch):
    """As in containers without /dev/shm."""
    expected = [one.paths for one in build_report(small.work_dir).figures]
    shutil.rmtree(small.work_dir / 'report')

    def no_pool(*args, **kwargs):
        raise OSError(errno.EROFS, 'Read-only file system')

    monkeypatch.setattr(drawers, 'ProcessPoolExecutor', no_pool)
    report = build_report(small.work_dir)
    assert expected and [one.paths for one in report.figures] == expected
    assert not report.problems
