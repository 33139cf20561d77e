"""Ways to set the state back, as they are written."""

import pytest

from harness.runs.resets import Reset


@pytest.mark.parametrize(
    ('value', 'expected', 'label', 'period'),
    [
        (15, Reset(15), 'reset every 15', 15),
        ('15', Reset(15), 'reset every 15', 15),
        ('15-overlap4', Reset(15, 'overlap', 4), 'reset every 15, overlap 4', 11),
        ('8-blend4', Reset(8, 'blend', 4), 'reset every 8, blended over 4', 4),
        ('15-norm2.5', Reset(15, 'norm', 2.5), 'reset at 2.5x the norm at frame 15', None),
        ('15-distance0.5', Reset(15, 'distance', 0.5), 'reset at distance 0.5, every 15', None),
    ],
)
def test_forms(value, expected, label, period):
    reset = Reset.parse(value)
    assert reset == expected and (reset.label, reset.period) == (label, period)
    assert Reset.parse(reset.value) == reset and Reset.parse(str(reset)) == reset


@pytest.mark.parametrize(
    ('value', 'reason'),
    [
        *((value, 'is not a reset') for value in (0, -3, 1.5, True, '', '15-', '15-half7', '1e3')),
        *((f'15-{kind}0', f'{kind} must not be 0') for kind in ('norm', 'overlap')),
        *((f'15-overlap{m}', '1 to 7 whole frames') for m in (8, 2.5)),
    ],
)
def test_what_is_none(value, reason):
    with pytest.raises(ValueError, match=reason) as caught:
        Reset.parse(value)
    assert repr(value) in str(caught.value)
