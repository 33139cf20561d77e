"""CSV files: texts that a spreadsheet would take for formulas."""

import math

import pandas as pd
import pytest

from reports.tables.files import _write_csv


@pytest.mark.parametrize('text', ['=1+1', '+cmd', '-cmd|x', '@SUM(A1)', '-1-1', '=NA()'])
def test_texts_are_no_formulas(tmp_path, text):
    path = _write_csv(pd.DataFrame({'label': [text], text: ['b']}), tmp_path / 'a.csv')
    found = pd.read_csv(path, dtype=str)
    assert found.values.tolist() == [[f"'{text}", 'b']] and list(found) == ['label', f"'{text}"]


def test_numbers_are_left_alone(tmp_path):
    frame = pd.DataFrame(
        {'drift': [-4.0, math.nan], 'shown': ['-4.00', '+0.50'], 'note': ['*', None], 'n': [-1, 2]}
    )
    path = _write_csv(frame, tmp_path / 'a.csv')
    assert path.read_text() == 'drift,shown,note,n\n-4,-4.00,*,-1\n,+0.50,,2\n'
