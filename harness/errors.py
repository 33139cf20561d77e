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


def reason_of(error: Exception) -> str:
    """What an error of any kind says; of the system's, its words and the file, without a number."""
    if isinstance(error, OSError) and error.strerror:
        return f'{error.strerror}: {error.filename}' if error.filename else error.strerror
    return f'{type(error).__name__}: {error}'
