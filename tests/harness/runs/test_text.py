"""Texts from outside: what is left of them."""

import pytest

from harness.runs.text import clean


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('plain text, é, 测试 and 🙂', 'plain text, é, 测试 and 🙂'),
        ('\x1b[1mCUDA out of memory\x1b[0m', 'CUDA out of memory'),
        ('one\r\ntwo\tthree\u2028four', 'one  two three four'),
        ('bell\x07, null\x00, escape\x1b', 'bell\ufffd, null\ufffd, escape\ufffd'),
        ('half \ud83d of a pair', 'half \ufffd of a pair'),
        ('turned \u202eround', 'turned \ufffdround'),
        ('\uffff', '\ufffd'),
    ],
)
def test_one_printable_line(text, expected):
    assert clean(text) == expected
    expected.encode('utf-8')


def test_all_texts_of_json():
    raw = {'a\n': [{'b': 'x\x00', 'n': 1}, None, True], 'c': 0.5}
    assert clean(raw) == {'a ': [{'b': 'x\ufffd', 'n': 1}, None, True], 'c': 0.5}
