"""Text from outside, made fit for every format that a report has."""

import re

_COLOURS = re.compile(r'\x1b\[[0-9;?]*[ -/]*[@-~]')  # of terminals: torch's messages have them
_SPACES = re.compile(r'[\t-\r\x85\u2028\u2029]')
# Control characters, those that turn the direction of writing, halves of surrogates, and what XML
# does not allow.
_UNPRINTABLE = re.compile(
    r'[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]'
)


def clean(value: object) -> object:
    """What was read, with texts of one printable line: line ends are spaces, the unprintable is �.

    Args:
        value: a text, or what JSON gives; keys are cleaned as well.
    """
    if isinstance(value, str):
        text = _SPACES.sub(' ', _COLOURS.sub('', value))
        return _UNPRINTABLE.sub('\ufffd', text)
    if isinstance(value, dict):
        return {clean(key): clean(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [clean(entry) for entry in value]
    return value
