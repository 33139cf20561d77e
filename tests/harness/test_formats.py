"""Durations and sizes as people read them."""

import pytest

from harness.formats import bytes_text, duration_text


@pytest.mark.parametrize(
    ('seconds', 'text'),
    [
        (None, ''),
        (0, ''),
        (0.4, '0 s'),
        (61, '61 s'),
        (119, '119 s'),
        (150, '2 min'),
        (3600 * 1.5, '90 min'),
        (3600 * 47, '47.0 h'),
        (86400 * 2, '2.0 d'),
    ],
)
def test_durations(seconds, text):
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ('size', 'text'), [(0, ''), (300, '0.3 kB'), (1.26e6, '1.3 MB'), (1.5e9, '1.50 GB')]
)
def test_sizes(size, text):
    assert bytes_text(size) == text
