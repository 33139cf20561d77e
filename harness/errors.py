"""The base class of all errors that the user can fix."""

from typing import NoReturn


class UserError(RuntimeError):
    """An error that the user can fix; commands print it as one line."""


def fail(message: str) -> NoReturn:
    """Raises a :class:`UserError`.

    Args:
        message: One line that says what is wrong, where, and how to fix it.
    """
    raise UserError(message)


def reason_of(error: Exception) -> str:
    """The message of any error; for system errors the text and the file, without the number."""
    if isinstance(error, OSError) and error.strerror:
        return f'{error.strerror}: {error.filename}' if error.filename else error.strerror
    return f'{type(error).__name__}: {error}'
