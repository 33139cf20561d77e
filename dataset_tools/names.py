"""The one rule for names that become paths: of sets, videos, kinds, networks, runs.

Standard library only; manifests and grid files are held to the same rule.
"""

from typing import Any

LONGEST = 100
_RULE = (
    f'names are of 1 to {LONGEST} characters, begin with a letter, digit or underscore, do not end '
    'in a dot or space, and hold no control characters and none of / \\ @ : * ? " < > |'
)
_FORBIDDEN = frozenset('/\\@:*?"<>|')


def name_problem(name: Any) -> str | None:
    """Why a name must not become (a part of) the name of a file or folder; None if it may.

    Such a name stays in its folder on every file system, is not hidden, and can be followed by
    ``@`` and more in a file's name.

    Args:
        name: anything that was found where a name should be.
    """
    if not isinstance(name, str):
        return f'{name!r} is no text; {_RULE}'
    good = (
        1 <= len(name) <= LONGEST
        and len(name.encode(errors='surrogatepass')) <= 2 * LONGEST
        and (name[0].isalnum() or name[0] == '_')
        and name[-1] not in '. '
        and name.isprintable()
        and not _FORBIDDEN & {*name}
    )
    return None if good else f'{name[: LONGEST + 1]!r} cannot be a name; {_RULE}'
