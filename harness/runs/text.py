"""Cleans text from outside, so that it can appear in every format of a report."""

import re
from typing import Any

_COLOURS = re.compile(r'\x1b\[[0-9;?]*[ -/]*[@-~]')  # terminal colours, as in torch's messages
_SPACES = re.compile(r'[\t-\r\x85\u2028\u2029]')
# Control characters, characters that change the text direction, lone surrogates, and characters
# that XML does not allow.
_UNPRINTABLE = re.compile(
    r'[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]'
)


def clean(value: Any) -> Any:
    """Makes every text one printable line: line breaks become spaces, unprintable characters �.

    Args:
        value: A text or a JSON value, of which the keys are cleaned as well.

    Returns:
        A value of the same structure.
    """
    if isinstance(value, str):
        text = _SPACES.sub(' ', _COLOURS.sub('', value))
        return _UNPRINTABLE.sub('\ufffd', text)
    if isinstance(value, dict):
        return {clean(key): clean(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [clean(entry) for entry in value]
    return value
