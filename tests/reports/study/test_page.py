"""The page of the study: tables between markers, and the records that are committed."""

from pathlib import Path

import pytest

from reports.__main__ import main
from reports.study.page import write_page
from reports.study.parts import TABLES

ROOT = Path(__file__).resolve().parents[3]


def test_tables_replace_what_is_between_markers(tmp_path, capsys):
    page = tmp_path / 'page.md'
    page.write_text('a\n<!-- early -->\n<!-- end -->\nb\n<!-- early -->\nold\n<!-- end -->\n')
    assert main(['study', '--page', str(page), '--studies', str(tmp_path)]) == 0
    table = '<!-- early -->\n*Not run yet: `make study PART=scratch`.*\n<!-- end -->\n'
    assert page.read_text() == f'a\n{table}b\n{table}'
    page.write_text('<!-- late -->\n<!-- end -->\n')
    assert main(['study', '--page', str(page), '--studies', str(tmp_path)]) == 2
    assert "unknown table 'late'; there are scratch methods" in capsys.readouterr().err


@pytest.mark.slow
def test_the_page_agrees_with_the_records(tmp_path):
    """Numbers of docs/study.md are those of the records beside it."""
    page = tmp_path / 'study.md'
    page.write_text((ROOT / 'docs/study.md').read_text())
    studies = tmp_path / 'studies'
    for records in ROOT.glob('studies/*/records.zip'):
        (studies / records.parent.name).mkdir(parents=True)
        (studies / records.parent.name / records.name).symlink_to(records)
    write_page(page, studies)
    assert page.read_text() == (ROOT / 'docs/study.md').read_text()
    assert all(f'<!-- {marker} -->' in page.read_text() for marker in TABLES)
