"""The root of all errors that the user can mend."""

from typing import NoReturn


class UserError(RuntimeError):
    """Something the user can mend; commands show it as one line."""


def fail(message: str) -> NoReturn:
    """Ends what is being done with one line: what is wrong, where, and how to mend it.

    Raises:
        UserError: always.
    """
    raise UserError(message)
