"""Drawing on all processors: names of files."""

from reports.figures.catalogue import Drawing
from reports.figures.drawers import _file_names


def test_every_figure_has_a_file_of_its_own():
    names = ['pictures_a b', 'pictures_a_b', 'pictures_a/b', 'pictures_a_b-2', '../up', 'drift']
    found = _file_names([Drawing('', name, '', None) for name in names])
    assert found == [
        'pictures_a_b',
        'pictures_a_b-2',
        'pictures_a_b-3',
        'pictures_a_b-2-2',
        '.._up',
        'drift',
    ]
