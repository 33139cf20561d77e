"""The one rule for names that become paths: of sets, videos, kinds, networks, runs.

Manifests and grid files follow the same rule. Imports only the standard library.
"""

from typing import Any

LONGEST = 100
_RULE = (
    f'names have 1 to {LONGEST} characters, begin with a letter, digit or underscore, do not end '
    'with a dot or space, and contain no control characters and none of / \\ @ : * ? " < > |'
)
_FORBIDDEN = frozenset('/\\@:*?"<>|')


def name_problem(name: Any) -> str | None:
    """Returns why a name cannot become (part of) the name of a file or folder; None if it can.

    A valid name stays in its folder on every file system, is not hidden, and can be followed by
    ``@`` and a suffix in a file's name.

    Args:
        name: anything that was found where a name should be.
    """
    if not isinstance(name, str):
        return f'{name!r} is not a string; {_RULE}'
    good = (
        1 <= len(name) <= LONGEST
        and len(name.encode(errors='surrogatepass')) <= 2 * LONGEST
        and (name[0].isalnum() or name[0] == '_')
        and name[-1] not in '. '
        and name.isprintable()
        and not _FORBIDDEN & {*name}
    )
    return None if good else f'{name[: LONGEST + 1]!r} cannot be a name; {_RULE}'
